from __future__ import annotations

from sqlalchemy import Engine

from tracker.db import make_engine
from tracker.lock import only_one


def test_only_one_holds_it_and_it_is_free_again_after_a_crash(engine: Engine) -> None:
    other = make_engine(engine.url.render_as_string(hide_password=False))
    try:
        with only_one(engine) as mine, only_one(other) as theirs:
            assert (mine, theirs) == (True, False)
            raise RuntimeError("the run crashes")
    except RuntimeError:
        pass
    with only_one(other) as theirs:
        assert theirs
    other.dispose()


def test_different_jobs_do_not_wait_for_each_other(engine: Engine) -> None:
    with only_one(engine, "crawl-md") as maryland, only_one(engine, "crawl-va") as virginia:
        assert maryland and virginia
        with only_one(engine, "crawl-md") as second:
            assert not second
