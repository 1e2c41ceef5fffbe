import logging

from optimization.quantize.quiet import LOGGER, workshop


def test_the_folder_is_gone_afterwards():
    with workshop() as folder:
        (folder / "scratch").write_text("x")
    assert not folder.exists()


def test_messages_on_the_root_logger_move_to_debug_of_our_own(caplog):
    caplog.set_level(logging.DEBUG, logger=LOGGER.name)
    with workshop():
        logging.warning("please pre-process")  # as onnxruntime does
    found = [(r.name, r.levelname, r.getMessage()) for r in caplog.records]
    assert found == [(LOGGER.name, "DEBUG", "onnxruntime: please pre-process")]


def test_messages_of_other_loggers_pass(caplog):
    with workshop():
        logging.getLogger("another").warning("heed this")
    assert [record.name for record in caplog.records] == ["another"]


def test_the_root_logger_is_as_before_even_after_an_error():
    root = logging.getLogger()
    before = list(root.handlers), list(root.filters)
    try:
        with workshop():
            raise KeyError("x")
    except KeyError:
        pass
    assert (root.handlers, root.filters) == before
