from altmarl_ros.simulation.markov_world import MarkovWorld, Truth

STAY, STEP = 0, 1
SESSION = 4


def world_of(game, robots, seed=0):
    world = MarkovWorld(game, seed)
    return world, {robot_id: world.join(robot_id) for robot_id in robots}


def test_a_repeated_command_moves_nothing_and_is_counted(ring):
    world, first = world_of(ring, [1])
    once = world.command(SESSION, 0, 1, 0, STEP)
    assert world.command(SESSION, 0, 1, 0, STEP) == once
    assert world.closed_ticks() == [Truth(SESSION, 0, (1,), (first[1],), (STEP,), (2,))]


def test_a_tick_is_told_once_when_every_robot_acted(ring):
    world, first = world_of(ring, [2, 1])
    world.command(SESSION, 0, 2, 0, STEP)
    assert world.closed_ticks() == []
    world.command(SESSION, 0, 1, 0, STAY)
    assert world.closed_ticks() == [Truth(SESSION, 0, (1, 2), (first[1], first[2]), (STAY, STEP), (1, 1))]
    assert world.closed_ticks() == []


def test_a_tick_with_a_silent_robot_closes_two_ticks_later(ring):
    world, first = world_of(ring, [1, 2])
    for number in range(3):
        assert world.closed_ticks() == []
        world.hear_tick(SESSION, number)
        world.command(SESSION, number, 1, 0, STAY)
    assert world.closed_ticks() == [Truth(SESSION, 0, (1, 2), (first[1], first[2]), (STAY, None), (1, 0))]


def test_a_silent_robots_state_is_the_one_of_that_tick(ring):
    world, first = world_of(ring, [1, 2])
    for number in range(3):
        world.hear_tick(SESSION, number)
        world.command(SESSION, number, 1, 0, STAY)
        if number > 0:
            world.command(SESSION, number, 2, 0, STEP)
    truth = world.closed_ticks()[0]
    assert (truth.tick, truth.local_actions) == (0, (STAY, None))
    assert truth.local_states == (first[1], first[2])


def test_a_late_move_counts_in_the_ticks_after_it(ring):
    world, first = world_of(ring, [1, 2])
    world.hear_tick(SESSION, 0)
    world.command(SESSION, 0, 1, 0, STAY)
    world.hear_tick(SESSION, 1)
    world.command(SESSION, 0, 2, 0, STEP)
    late, after = world.closed_ticks(final=True)
    assert (late.local_states, late.local_actions) == ((first[1], first[2]), (STAY, STEP))
    assert (after.local_states, after.local_actions) == ((first[1], (first[2] + 1) % 5), (None, None))


def test_a_tick_closes_only_when_the_robots_that_are_there_acted(ring):
    world, first = world_of(ring, [1, 2])
    world.hear_tick(SESSION, 0)
    world.command(SESSION, 0, 1, 0, STAY)
    world.leave(1)
    assert world.closed_ticks() == []
    assert world.command(SESSION, 0, 2, 0, STEP) == (first[2] + 1) % 5
    assert world.closed_ticks()[0].local_actions == (STAY, STEP)


def test_all_open_ticks_close_at_the_end(ring):
    world, _ = world_of(ring, [1, 2])
    for number in range(2):
        world.hear_tick(SESSION, number)
        world.command(SESSION, number, 1, 0, STEP)
    assert [(truth.tick, truth.local_actions) for truth in world.closed_ticks(final=True)] == [
        (0, (STEP, None)),
        (1, (STEP, None)),
    ]


def test_ticks_of_a_session_that_ended_close(ring):
    world, _ = world_of(ring, [1, 2])
    world.hear_tick(SESSION, 5)
    world.command(SESSION, 5, 1, 0, STEP)
    world.hear_tick(SESSION + 1, 0)
    assert [(truth.session, truth.tick) for truth in world.closed_ticks()] == [(SESSION, 5)]


def test_a_tick_that_nobody_answered_is_told_too(ring):
    world, first = world_of(ring, [1])
    for number in range(3):
        world.hear_tick(SESSION, number)
    assert world.closed_ticks() == [Truth(SESSION, 0, (1,), (first[1],), (None,), (0,))]
