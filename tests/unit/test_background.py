"""What runs beside the queries: that a step failed is told until one succeeds."""

import threading

from tidemark.background import Periodic, failures


def test_a_thread_whose_step_fails_is_a_reason_until_one_succeeds() -> None:
    first, second, third, go_on = (threading.Event() for _ in range(4))

    def step() -> None:
        if not first.is_set():
            first.set()
            raise RuntimeError("the disk is full")
        if second.is_set():
            third.set()
        second.set()
        go_on.wait(10)

    failing, calm = Periodic("alerts", 0.001, step), Periodic("history", 60.0, lambda: None)
    failing.start()
    calm.start()
    assert second.wait(10)
    assert failures([failing, calm]) == ["alerts: the disk is full"]
    go_on.set()
    assert third.wait(10)
    assert failures([failing, calm]) == []
    for thread in (failing, calm):
        thread.stop()
