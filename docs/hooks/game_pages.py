"""The games and their builders, from the builders' parameters and the games in config/games."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from altmarl_ros.games import load_game, written_tables
from altmarl_ros.games.sources import BUILDERS, Builder, describe_builder
from altmarl_ros.games.spec import describe_game
from altmarl_ros.resources import share_directory
from tables import code, code_span, table

_INTRODUCTION = """# Games

What a game is, how to write one and how to check it: [Your own game](../how-to/games.md); games of robots at work from YAML alone:
[A game of your work](../how-to/work.md). A game is a YAML file with either
`builder` and `parameters`, or `arrays` (an `.npz`) and `gamma`, or `tables` (written line by line) and `gamma`.

| key | meaning |
| --- | --- |
| `name` | up to 64 characters |
| `description` | one line, for `altmarl game list` |
| `builder`, `parameters` | a family of games below, or one of an installed package, and its parameters |
| `arrays` | `.npz` beside the file: `P_g[s_g, a_g, s_g']`, `P_l[s_l, s_g, a_l, s_l']`, `r_g[s_g, a_g]`, `r_l[s_l, s_g, a_l]`; `rho_g[s_g]`, `alpha[s_l]` and `gamma` where given |
| | in place of `P_g` its compressed sparse rows `P_g_indptr`, `P_g_indices` and `P_g_data`, row s_g × A_g + a_g; in place of `P_l` likewise, row (kind × A_l + a_l) × S_l + s_l, with the kind of movement `moves_at[s_g]` where robots do not move alike at every s_g |
| `tables` | states, actions, kernels and rewards line by line, see [below](#tables) |
| `gamma` | discount per tick, in (0, 1), where the arrays have none |
| `identified` | `.npz` with a `P_l` that takes the place of the model's: `altmarl identify` writes it; `P_l[s_l, 1, a_l, s_l']` holds for every s_g |
| `local_state_names`, `global_action_names`, `local_action_names` | for people |

## Built in

"""


def page() -> str:
    """Games, then builders."""
    return _INTRODUCTION + _games() + _tables() + "".join(_builder(name, builder) for name, builder in sorted(BUILDERS.items()))


def _tables() -> str:
    return f"\n## Tables\n\n```text\n{inspect.getdoc(written_tables)}\n```\n"


def _games() -> str:
    rows = []
    for path in sorted((share_directory() / "config" / "games").glob("*.yaml")):
        game = load_game(path)
        sizes = f"{game.n_global_states} × {game.n_global_actions}", f"{game.n_local_states} × {game.n_local_actions}"
        rows.append(
            (
                f"[`{path.stem}`](../../config/games/{path.name})",
                *sizes,
                "–" if game.hidden is None else str(len(game.hidden)),
                f"{game.gamma:g}",
                code_span(describe_game(path)),
            )
        )
    heads = "game", "coordinator: states × actions", "robot: states × actions", "hidden states", "gamma", "what it is"
    return table(heads, rows)


def _builder(name: str, builder: Builder) -> str:
    mathematics = inspect.getdoc(sys.modules[builder.build.__module__]) or ""
    text = f"\n## Builder `{name}`\n\n{code_span(describe_builder(builder))}\n\n"
    text += table(("parameter", "default", "range", "meaning"), (_row(*each) for each in _fields(builder.parameters).items()))
    return text + f"\n```text\n{mathematics}\n```\n"


def _fields(model: Any) -> dict[str, dict[str, Any]]:
    schema = model.model_json_schema() if hasattr(model, "model_json_schema") else model.schema()
    required = schema.get("required", [])
    return {key: {**value, "required": key in required} for key, value in schema["properties"].items()}


def _row(name: str, field: dict[str, Any]) -> tuple[str, str, str, str]:
    default = "required" if field["required"] else code("" if field.get("default") is None else field["default"])
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    bounds = [] if low is None else [f"{'≥' if 'minimum' in field else '>'} {low:g}"]
    bounds += [] if high is None else [f"{'≤' if 'maximum' in field else '<'} {high:g}"]
    choices = ", ".join(f"`{choice}`" for choice in field.get("enum", []))
    return f"`{name}`", default, choices or ", ".join(bounds) or "–", code_span(field.get("description", ""))
