"""Reporting: metrics, tables, a figure, and what people see while they wait.

In: frozen records of the rooms before.
Out: numbers by name, text, JSON, a PNG, lines on the terminal.
Promise: every form shows the same numbers, read off one `Summary`; nothing is measured or logged here.
"""
