"""One thin command line per MLproject entry point."""
