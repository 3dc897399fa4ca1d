import pytest

from aegis_fast.api.access import GUESSERS_KEPT, Access, AccessDenied, ApiKey, Role
from aegis_fast.errors import ConfigError, Throttled
from tests.unit.api.fake_service import Clock, counting_rng, keys

HOUR_NS = 3600 * 10**9


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    return Access(keys(), clock, counting_rng(), sessions_per_key=3)


def test_right_secret_gives_tokens_of_the_key_s_role(access: Access) -> None:
    pair = access.log_in("viewer", "view-secret", "1.2.3.4")

    grant = access.authenticate(pair.access_token)
    assert (grant.key_id, grant.role) == ("viewer", Role.VIEW)
    assert pair.access_token != pair.refresh_token
    assert len(pair.access_token) >= 43


@pytest.mark.parametrize(
    ("key", "secret"), [("demo", "wrong"), ("nobody", "demo-secret"), ("", ""), ("demo", "\ud800")]
)
def test_wrong_key_or_secret_is_refused_alike(access: Access, key: str, secret: str) -> None:
    with pytest.raises(AccessDenied) as caught:
        access.log_in(key, secret, "peer")

    assert caught.value.http_status == 401
    assert caught.value.message == "unknown key or wrong secret"
    assert caught.value.expected


def test_access_token_ends_after_exactly_six_hours(access: Access, clock: Clock) -> None:
    token = access.log_in("demo", "demo-secret", "peer").access_token
    grant = access.authenticate(token)

    clock.now_ns += 6 * HOUR_NS - 1
    access.authenticate(token)
    assert grant.is_valid(clock.now_ns)

    clock.now_ns += 1
    assert not grant.is_valid(clock.now_ns)
    with pytest.raises(AccessDenied, match="expired"):
        access.authenticate(token)


def test_refresh_replaces_both_tokens_and_lives_thirty_days(access: Access, clock: Clock) -> None:
    first = access.log_in("demo", "demo-secret", "peer")

    clock.now_ns += 30 * 24 * HOUR_NS - 1
    second = access.refresh(first.refresh_token)
    assert second.access_token != first.access_token
    assert second.refresh_token != first.refresh_token
    access.authenticate(second.access_token)

    clock.now_ns += 30 * 24 * HOUR_NS
    with pytest.raises(AccessDenied, match="expired"):
        access.refresh(second.refresh_token)


def test_previous_access_token_stays_valid_after_a_refresh(access: Access) -> None:
    first = access.log_in("demo", "demo-secret", "peer")

    second = access.refresh(first.refresh_token)
    access.authenticate(first.access_token)

    access.refresh(second.refresh_token)
    with pytest.raises(AccessDenied):
        access.authenticate(first.access_token)


def test_refresh_token_used_twice_ends_the_whole_session(access: Access, clock: Clock) -> None:
    first = access.log_in("demo", "demo-secret", "thief and owner")
    second = access.refresh(first.refresh_token)
    grant = access.authenticate(second.access_token)

    with pytest.raises(AccessDenied, match="used before"):
        access.refresh(first.refresh_token)

    assert not grant.is_valid(clock.now_ns)
    with pytest.raises(AccessDenied):
        access.authenticate(second.access_token)
    with pytest.raises(AccessDenied):
        access.refresh(second.refresh_token)
    assert access.session_count == 0


def test_tokens_of_one_kind_do_not_work_as_the_other(access: Access) -> None:
    pair = access.log_in("demo", "demo-secret", "peer")

    with pytest.raises(AccessDenied):
        access.authenticate(pair.refresh_token)
    with pytest.raises(AccessDenied):
        access.refresh(pair.access_token)


def test_too_many_sessions_evict_the_one_unused_for_longest(access: Access) -> None:
    screen = access.log_in("demo", "demo-secret", "peer")
    idle = access.log_in("demo", "demo-secret", "peer")
    other_key = access.log_in("boss", "boss-secret", "peer")
    for _ in range(2):
        access.authenticate(screen.access_token)
        access.log_in("demo", "demo-secret", "peer")

    access.authenticate(screen.access_token)
    access.authenticate(other_key.access_token)
    with pytest.raises(AccessDenied):
        access.authenticate(idle.access_token)
    assert access.session_count == 4


def test_endless_refreshing_keeps_the_books_small(access: Access) -> None:
    pair = access.log_in("demo", "demo-secret", "peer")
    for _ in range(50):
        pair = access.refresh(pair.refresh_token)

    assert len(access._by_refresh) <= 9
    assert len(access._by_access) == 2
    access.authenticate(pair.access_token)


def test_five_wrong_secrets_lock_the_key_to_that_peer_for_half_a_minute(
    access: Access, clock: Clock
) -> None:
    for _ in range(5):
        with pytest.raises(AccessDenied):
            access.log_in("demo", "guess", "peer")

    with pytest.raises(Throttled) as caught:
        access.log_in("demo", "demo-secret", "peer")
    assert caught.value.retry_at_ns == clock.now_ns + 30 * 10**9
    access.log_in("demo", "demo-secret", "another peer")
    access.log_in("boss", "boss-secret", "peer")

    clock.now_ns += 30 * 10**9
    access.log_in("demo", "demo-secret", "peer")


def test_right_secret_forgets_the_wrong_ones_before(access: Access) -> None:
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(AccessDenied):
                access.log_in("demo", "guess", "peer")
        access.log_in("demo", "demo-secret", "peer")


def test_guessers_are_kept_in_bounded_number(access: Access) -> None:
    for number in range(GUESSERS_KEPT + 50):
        with pytest.raises(AccessDenied):
            access.log_in("demo", "guess", f"peer {number}")

    assert len(access._guesses) == GUESSERS_KEPT


def test_guesses_at_unknown_keys_share_one_lock(access: Access) -> None:
    for number in range(5):
        with pytest.raises(AccessDenied):
            access.log_in(f"invented {number}", "guess", "peer")

    with pytest.raises(Throttled):
        access.log_in("one more", "guess", "peer")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_a_role_includes_itself_and_the_lesser_ones(role: Role, needed: Role) -> None:
    ranks = {Role.VIEW: 0, Role.TRADE: 1, Role.ADMIN: 2}

    assert role.includes(needed) == (ranks[role] >= ranks[needed])


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("id", ("", "0" * 64, "view")),
        ("secret_sha256", ("k", "abc", "view")),
        ("secret_sha256", ("k", "G" * 64, "view")),
        ("role", ("k", "0" * 64, "root")),
    ],
)
def test_unusable_key_is_a_configuration_error(field: str, arguments: tuple) -> None:
    with pytest.raises(ConfigError) as caught:
        ApiKey(*arguments)

    assert caught.value.field == field


def test_no_token_or_secret_is_kept_in_clear(access: Access) -> None:
    pair = access.log_in("demo", "demo-secret", "peer")

    kept = repr(vars(access)) + repr([s.access for s in access._sessions["demo"]])
    assert pair.access_token not in kept
    assert pair.refresh_token not in kept
    assert "demo-secret" not in kept
