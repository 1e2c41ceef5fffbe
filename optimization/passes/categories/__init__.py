"""Columns of categories, looked up where one-hot columns would be multiplied or tested.

In: a graph with OneHotEncoder or OneHot before products and trees.
Out: the same answers from one column for each column of categories.
Promise: exact where sums get another order, lossless for trees.
"""
