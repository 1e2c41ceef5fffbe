"""Other ways to serve a scikit-learn model, beside this project (`make bench-peers`).

In: cases of the suite.
Out: peers.json and docs/peers.md.
Promise: each peer gets the rows in the form it likes best, before the clock starts; where it wins, the
page says so; labels are counted before anything is timed. What peers need is in requirements-peers.lock
and never part of a run.
"""
