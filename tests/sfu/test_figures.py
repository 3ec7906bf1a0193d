"""What the engine tells of what flows: each worker answers for its rooms, and what ends is told in all."""

from sfu_engines import MakeEngine, join, next_events, until

from visavis import _sfu


def test_each_worker_answers_once_with_everybody_it_has(make_engine: MakeEngine) -> None:
    engine = make_engine(workers=3)
    people = [f"PA_{number}" for number in range(6)]
    for number, participant in enumerate(people):
        join(engine, participant, f"RM_{number}")
    engine.report_figures(42)
    answers: list[_sfu.Event.Figures] = []
    while len(answers) < 3:
        answers += [event for event in next_events(engine) if isinstance(event, _sfu.Event.Figures)]
    assert sorted(answer.worker for answer in answers) == [0, 1, 2]
    assert {answer.request for answer in answers} == {42}
    told = [each for answer in answers for each in answer.participants]
    assert sorted(each.participant for each in told) == people
    assert all((each.bytes_in, each.rtt, each.published, each.received) == (0, None, [], []) for each in told)


def test_the_totals_of_one_who_was_removed_are_told(engine: _sfu.Engine) -> None:
    join(engine, "PA_a")
    engine.remove_participant("PA_a")
    while True:
        totals = [event for event in next_events(engine) if isinstance(event, _sfu.Event.ParticipantTotals)]
        if totals:
            break
    assert [(each.participant, each.bytes_in) for each in totals] == [("PA_a", 0)]


def test_what_was_asked_before_the_end_is_answered_after_it(engine: _sfu.Engine) -> None:
    join(engine, "PA_a")
    engine.remove_participant("PA_a")
    engine.close()
    assert any(isinstance(event, _sfu.Event.ParticipantTotals) for event in engine.drain())


def test_workers_tell_their_processor_time(make_engine: MakeEngine) -> None:
    engine = make_engine(workers=2)
    for number in range(8):
        join(engine, f"PA_{number}", f"RM_{number}")
    until(lambda: all(seconds > 0 for seconds in engine.worker_times()), "work of both workers")
    assert len(engine.worker_times()) == 2
