from optimization.passes.outcome import Promise


def test_promises_are_ordered_from_faithful_to_unverified():
    words = [str(promise) for promise in sorted(Promise, key=lambda item: item.distance)]
    assert words == ["lossless", "exact", "within t", "estimated"]
