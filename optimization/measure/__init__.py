"""Measuring: how long models take, on what machine, and how large they are.

In: callables that predict, and rows.
Out: `Measurements` and an `Environment`.
Promise: every contender is measured on equal terms; nothing is logged or printed here.
"""
