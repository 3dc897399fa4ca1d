"""The table of goals says met, or by how much not."""

import pytest

from benchmarks import goals
from benchmarks.goals import GOALS, Goal, ceiling, judge


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        (Goal("a", "", 47), 47.0, "met"),
        (Goal("a", "", 40), 30.0, "missed by 25 %"),
        (ceiling("a", "", 1.25), 1.25, "met"),
        (ceiling("a", "", 1.25), 1.5, "missed by 20 %"),
        (ceiling("a", "", 0, "blocks"), 0, "met"),
        (ceiling("a", "", 0, "blocks"), 3, "missed by 3 blocks"),
    ],
)
def test_value_is_judged_by_the_direction_of_its_goal(goal, value, verdict):
    assert judge({"a": value}, [goal])[0].text() == verdict


def test_goal_nobody_measured_is_shown_as_not_measured():
    verdicts = judge({})

    assert len(verdicts) == len(GOALS)
    assert {verdict.text() for verdict in verdicts} == {"not measured"}
    assert goals.table(verdicts).count("not measured") == len(GOALS)


def test_value_of_no_goal_is_refused():
    with pytest.raises(KeyError, match="trade_vs_slpit"):
        judge({"trade_vs_slpit": 1.0})


def test_keys_are_distinct():
    assert len({goal.key for goal in GOALS}) == len(GOALS)


def test_markdown_shows_goal_and_measured_value():
    text = goals.markdown(judge({"trade_vs_split": 52.34}, GOALS[:1]))

    assert text.splitlines()[-1].endswith("| >= 47x | 52.3x | met |")
