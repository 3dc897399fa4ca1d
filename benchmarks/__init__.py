"""How fast the hot path is, against its peers and a C floor, in one run.

`python -m benchmarks` from the project's root; one module per question.
"""
