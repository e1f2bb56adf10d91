from streams.dispatch.pace import Pace


def waits(pace: Pace, sends: int) -> list[float]:
    """The seconds to wait before each of some sends that are made at once."""
    found = []
    for _ in range(sends):
        found.append(round(pace.delay(), 6))
        pace.take()
    return found


def test_a_burst_of_a_minute_then_evenly() -> None:
    now = [0.0]
    pace = Pace(60, lambda: now[0])
    assert waits(pace, 62) == [0.0] * 60 + [1.0, 2.0]
    now[0] = 10.0
    assert waits(pace, 1) == [0.0]


def test_the_bucket_holds_no_more_than_a_minute() -> None:
    now = [0.0]
    pace = Pace(2, lambda: now[0])
    now[0] = 3600.0
    assert waits(pace, 3) == [0.0, 0.0, 30.0]
