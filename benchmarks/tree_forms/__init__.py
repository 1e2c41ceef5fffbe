"""Tree ensembles in other operators than onnxruntime's own tree kernel: which are quicker, and at what size.

    make bench-trees                        all cases, tree_forms.json and docs/tree_forms.md
    make bench-trees ARGS="--only iris"     the cases whose name contains a text

`boxes` and `nested` read trees; `matrices`, `perfect`, `bit_vectors`, `words` and `operators` write them
anew from `parts`; `forms` lists them; `timing` proves and times the forms of one case in a process of its
own; `page` writes them down. Nothing of it is in the product.
"""
