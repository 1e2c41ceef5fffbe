"""The library, in stage order: source, convert, quantize, verify, measure, report, registry."""
