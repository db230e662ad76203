"""
Attacks training and the reading of data on purpose, and counts what happens: `docs/reliability.md`.

What is tried is a table, `kinds.KINDS`. A further kind is a function that yields `cases.Case`s in a file of its own,
and an entry of that table.
"""
