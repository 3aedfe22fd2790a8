"""Room of places: what a game file may say, and how it enters validation and hashes."""

from dataclasses import replace

import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import load_game
from altmarl_ros.games.room import Places, Room

RING = "name: mine\nbuilder: warehouse\n"
FLOOR = """
name: yard
builder: floor
parameters:
  zones:
    - {name: dock, rectangle: [0, 0, 4, 6], slots: [[1, 1], [3, 1], [1, 5]]}
    - {name: hall, rectangle: [4, 0, 10, 6]}
"""
TABLES = """
name: loads
gamma: 0.9
tables:
  global_states: 1
  global_actions: 1
  local_states: [dock empty, dock loaded, hall]
  local_actions: [stay]
  r_l: [[hall, 0, stay, 1]]
"""


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ("0.1", [3, 3, 3, 3, 3]),  # rounded down, of 35 robots
        ("4", [4, 4, 4, 4, 4]),
        ("{zone 1: 4, zone 3: 0.5}", [35, 4, 35, 17, 35]),
        ("{default: 0.2, zone 0: 1, zone 4: 1.0}", [1, 7, 7, 7, 35]),
        ("{default: 99}", [35, 35, 35, 35, 35]),
    ],
)
def test_room_is_a_number_of_robots_or_a_share_of_the_fleet(game_file, written, limits):
    assert load_game(game_file(RING + f"room: {written}\n")).room.limits(35).tolist() == limits


def test_a_share_that_is_a_whole_number_of_robots_is_not_rounded_below_it():
    room = Room.of_shares(Places.of_states(["a"]), 0.29)
    assert room.limits(100).tolist() == [29]  # 0.29 * 100 is 28.999999999999996


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("{dock: 1}", "room names 'dock', which is no place; places are zone 0, zone 1"),
        ("1.5", "room of 'default' is 1.5, must be a whole number of robots or a share from 0.0 to 1.0"),
        ("{zone 2: -1}", "room of 'zone 2' is -1, must not be negative"),
        ("{zone 2: many}", "room of 'zone 2' is 'many', must be a whole number of robots or a share"),
        ("{zone 2: true}", "room of 'zone 2' is 'True', must be a whole number"),
        ("{zone 2: .nan}", "room of 'zone 2' is nan, must be a whole number of robots or a share"),
        ("slots", "room of 'default' is 'slots', which only zones of a floor have"),
        ("[1, 2]", "room of 'default' is '[1, 2]', must be a whole number"),
    ],
)
def test_bad_room_is_refused_by_the_place(game_file, written, complaint):
    with pytest.raises(GameError, match=r"\.yaml: ") as refused:
        load_game(game_file(RING + f"room: {written}\n"))
    assert complaint in str(refused.value)


def test_room_of_a_floor_may_be_its_slots(game_file):
    assert load_game(game_file(FLOOR + "room: slots\n")).room.limits(20).tolist() == [3, 1]
    assert load_game(game_file(FLOOR + "room: {dock: slots, hall: 0.5}\n")).room.limits(20).tolist() == [3, 10]
    assert load_game(game_file(FLOOR)).room is None


def test_local_states_may_share_a_place(game_file):
    game = load_game(game_file(TABLES + "places: {dock: [dock empty, dock loaded]}\nroom: {dock: 2}\n"))
    assert game.room.places.names == ("dock", "hall")
    assert game.room.places.of.tolist() == [0, 0, 1]
    assert game.room.limits(9).tolist() == [2, 9]


@pytest.mark.parametrize(
    ("places", "complaint"),
    [
        ("{dock: [dock empty, yard]}", "places.dock names 'yard', which is no local state"),
        ("{dock: [hall], yard: [hall]}", "places.yard names 'hall', which is in 'dock' already"),
        ("{dock: []}", "places.dock has no local state"),
        ("{hall: [dock empty]}", "places.hall has the name of a local state that is not in it"),
    ],
)
def test_bad_places_are_refused_by_name(game_file, places, complaint):
    with pytest.raises(GameError) as refused:
        load_game(game_file(TABLES + f"places: {places}\nroom: 1\n"))
    assert complaint in str(refused.value)


def test_room_changes_the_hashes_and_its_lack_does_not(game_file, warehouse):
    plain = load_game(game_file(RING))
    tight, wide = (load_game(game_file(RING + f"room: {share}\n")) for share in (0.25, 0.3))
    assert plain.content_hash == warehouse.content_hash
    assert len({game.content_hash for game in (plain, tight, wide)}) == 3
    assert len({game.dynamics_hash for game in (plain, tight, wide)}) == 3
    assert replace(tight, name="other").content_hash == tight.content_hash


def test_continuous_games_refuse_room(game_file):
    with pytest.raises(GameError, match="'c' has continuous states, and room is for robots in distinct places"):
        load_game(game_file("name: c\nbuilder: continuous_warehouse\nroom: 0.5\n"))


def test_a_fleet_that_does_not_fit_is_named(game_file):
    room = load_game(game_file(RING + "room: {default: 2, zone 4: 3}\n")).room
    room.check_fits(11)
    with pytest.raises(GameError, match="12 robots do not fit: all places together have room for 11; room for 2 in zone 0"):
        room.check_fits(12)


def test_room_of_another_game_is_refused(warehouse):
    with pytest.raises(GameError, match="room: given for 3 local states, must be for 5"):
        replace(warehouse, room=Room.of_shares(Places.of_states("abc"), 0.5))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{zone 0: 4, zone 2: 0.25}", "zone 0 4 robots, zone 2 25 % of the fleet"),
        ("2", "zone 0 2 robots, zone 1 2 robots, zone 2 2 robots, zone 3 2 robots, zone 4 2 robots; at most 10 robots fit"),
        ("{default: 1, zone 0: 0.5}", "zone 0 50 % of the fleet, zone 1 1 robots, zone 2 1 robots"),
        ("0.1", "zone 4 10 % of the fleet; at most 0 robots fit"),
        ("{}", "no limit anywhere"),
    ],
)
def test_room_in_words(game_file, written, words):
    assert words in load_game(game_file(RING + f"room: {written}\n")).room.words()


def test_as_many_robots_fit_as_the_words_say(game_file):
    room = load_game(game_file(RING + "room: {default: 1, zone 0: 0.5}\n")).room
    assert room.words().endswith("; at most 8 robots fit")
    room.check_fits(8)
    with pytest.raises(GameError):
        room.check_fits(9)
