from streams.dispatch.pace import Pace


def test_a_burst_of_a_minute_then_evenly() -> None:
    now = [0.0]
    pace = Pace(60, lambda: now[0])
    assert [pace.delay() for _ in range(60)] == [0.0] * 60
    assert pace.delay() == 1.0
    assert pace.delay() == 2.0
    now[0] = 10.0
    assert pace.delay() == 0.0


def test_the_bucket_holds_no_more_than_a_minute() -> None:
    now = [0.0]
    pace = Pace(2, lambda: now[0])
    now[0] = 3600.0
    assert [pace.delay() for _ in range(3)] == [0.0, 0.0, 30.0]
