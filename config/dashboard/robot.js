// What is known of one robot, in words: for the map's tip and for the operator's card.
function robotFacts(fleet, i) {
  const { ids, names, columns: { mark, state, age, asked, answered, charge }, game, drives, operated } = fleet, id = ids[i];
  const known = state[i] !== 0xffff && game && state[i] < game.zones.length, kind = known ? game.kinds[game.kind_of[state[i]]] : "";
  const place = known ? game.place_names[game.place_of[state[i]]] : "not known";
  const loads = Boolean(game?.kinds.includes("loaded")), reported = known && !(mark[i] & TRUE);
  const facts = [["robot", shortName(names[id], id)]];
  if (game?.types.length && known) facts.push(["type", game.types[Math.floor(state[i] * game.types.length / game.zones.length)]]);
  facts.push([reported ? "last reported in" : "in", place]);
  if (loads && known) facts.push(["load", kind === "loaded" ? "yes" : "no"]);
  else if (kind) facts.push(["it is", kind]);
  if (charge && Number.isFinite(charge[i])) facts.push(["battery", percent(charge[i])]);
  if (drives[id]) facts.push(["motion", drives[id][1]]);
  if (operated[id]) facts.push(["operator", operated[id]]);
  else if (mark[i] & SUSPENDED) facts.push(["out of the draw", "it did not answer"]);
  if (age && !(fleet.record && age[i] === NEVER)) facts.push(["heard", age[i] === NEVER ? "never" : age[i] === 0 ? "now" : `${age[i]} ticks ago`]);
  if (asked?.[i]) facts.push(["answered", `${answered[i]} of ${asked[i]}`]);
  return facts;
}
