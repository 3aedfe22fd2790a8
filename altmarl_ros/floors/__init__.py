"""Where a game is played: floor maps, their zones and passages, the ways through them and the slots in them."""
