// What is known of the fleet, and what is drawn when it changes.
const KEPT = 600; // ticks
const fleet = {
  game: null, rows: [], last: null, ids: new Uint32Array(0), names: {}, columns: {}, estimate: null, truth: null, belief: [], hiddenState: null,
  drives: {}, operated: {}, events: [], acknowledged: null, low: new Set(), record: null, starts: 0, parameters: {}, coordinators: [], trainer: null, progress: null, access: { token: true }, control: false, stopped: false, floor: null,
};
let fields = [], link = { open: false, retry: 0, since: performance.now(), ever: false }, spokeAt = null;

readTheme();
const floor = new Floor(fleet, choose), shares = new Shares(fleet), charts = new Charts(fleet), roster = new Roster(fleet, choose);
const drawShares = paced(250, () => shares.draw()), drawCharts = paced(200, () => charts.draw());
const wire = new Wire(onFrame, onLink);
const ask = (message) => wire.ask(message);
const parameters = new Parameters(fleet, ask), trainer = new Trainer(fleet, ask), operate = new Operate(fleet, ask);
const events = new Events(fleet, ask), slider = new RecordSlider(fleet, ask);

// Of a robot that was clicked on, in the table or on the map.
function choose(robot) {
  operate.choose(robot);
  floor.choose(robot);
  if (robot !== null) $("tab-robots").click();
}

function onFrame(head, columns) {
  if (head.fleet) {
    fields = head.fleet.fields;
    setText($("prefix"), head.fleet.prefix);
  }
  for (const name of ["access", "progress", "coordinators", "stopped", "floor", "acknowledged", "record"]) if (name in head) fleet[name] = head[name];
  if ("trainer" in head) fleet.trainer = head.trainer;
  if (head.low) fleet.low = new Set(head.low);
  if ("starts" in head && head.starts !== fleet.starts) { // another part of a record
    fleet.starts = head.starts;
    fleet.rows = [];
  }
  if (columns.id) {
    fleet.columns = {};
    fleet.ids = columns.id;
    fleet.names = head.names;
  }
  Object.assign(fleet.columns, columns);
  if (head.silent !== undefined) spokeAt = head.silent === null ? null : performance.now() - 1000 * head.silent;
  if (head.rows) takeRows(head.rows);
  if (head.estimate) [fleet.estimate, fleet.truth, fleet.belief, fleet.hiddenState] = [head.estimate, head.truth, head.belief, head.hidden_state];
  if (head.game) {
    fleet.game = head.game;
    setText($("floor-title"), head.game.metres ? "Floor" : "Zones");
    floor.rebuild();
    shares.rebuild();
  }
  if (head.events) events.add(head.events);
  if (head.acknowledged) events.update();
  if (head.parameters) fleet.parameters = head.parameters;
  if (head.parameters || head.coordinators) parameters.update();
  if ("trainer" in head || "progress" in head) trainer.update();
  if (columns.mark || columns.x) floor.moved();
  if (head.drives) fleet.drives = head.drives;
  if (head.operated) fleet.operated = head.operated;
  if (head.game || head.operated) operate.update();
  if (columns.age || head.drives || head.operated) roster.arrange();
  else if (columns.mark) roster.request();
  if (head.rows) {
    drawShares();
    drawCharts();
    showFacts();
  }
  if (columns.age || columns.mark || head.events) operate.tell();
  if (head.record || (head.rows && fleet.record)) slider.update();
  if (columns.mark && floor.pointed !== null) floor.repoint();
  if ("stopped" in head || head.record || head.parameters || head.access || head.coordinators) showRights();
  if (columns.mark || "stopped" in head) showAlerts();
}

function takeRows(rows) {
  for (const values of rows) {
    const row = Object.fromEntries(fields.map((name, i) => [name, values[i]]));
    let at = fleet.rows.length - 1; // a row is told again when its truth is known
    const oldest = Math.max(0, fleet.rows.length - 40);
    while (at >= oldest && !(fleet.rows[at].tick === row.tick && fleet.rows[at].session === row.session)) at -= 1;
    if (at >= oldest && at >= 0) fleet.rows[at] = row;
    else fleet.rows.push(row);
  }
  if (fleet.rows.length > KEPT) fleet.rows.splice(0, fleet.rows.length - KEPT);
  fleet.last = fleet.rows.at(-1);
}

function showFacts() {
  const row = fleet.last, { game, rows } = fleet;
  setText($("tick"), String(row.tick));
  setText($("session"), String(row.session));
  setText($("policy"), row.policy ? policyName(row.policy) : "–");
  setText($("robots"), row.live === row.robots ? String(row.robots) : `${row.live} of ${row.robots} live`);
  const before = rows.at(-Math.min(rows.length, 20)), ticks = row.tick - before.tick;
  if (ticks > 0 && row.session === before.session) {
    const period = (row.stamp - before.stamp) / ticks;
    setText($("rate"), period < 1 ? `${number(1 / period, 2)} Hz` : `every ${number(period, 2)} s`);
  }
  const where = game?.place_names[game.served[row.s_g] ?? -1] ?? `state ${row.s_g}`, what = game?.actions[row.a_g] ?? `action ${row.a_g}`;
  const decision = $("decision"), belief = fleet.belief ?? [], likeliest = belief.indexOf(Math.max(...belief));
  const believed = likeliest < 0 ? "" : game?.hidden[likeliest] ?? `hidden ${likeliest}`, shown = [where, believed, what].join("|");
  if (decision.dataset.shown !== shown) {
    decision.dataset.shown = shown;
    const says = believed ? [", believes ", element("b", {}, believed)] : [];
    decision.replaceChildren("coordinator in ", element("b", {}, where), ...says, ", decides ", element("b", {}, what));
  }
  $("floor-empty").hidden = true;
}

// Which controls there are, and who may use them.
function showRights() {
  const { control, access, stopped } = fleet;
  $("unlock").hidden = !access.token || control || !link.open;
  const stop = $("stop");
  stop.setAttribute("aria-pressed", String(stopped));
  setText(stop, stopped ? "Release stop" : "Emergency stop");
  stop.disabled = !control;
  stop.hidden = Boolean(fleet.record);
  const node = fleet.coordinators.find((c) => c.deciding)?.name, paused = fleet.parameters[node]?.find((p) => p.name === "paused" && p.live);
  const pause = $("pause");
  pause.hidden = !paused;
  pause.disabled = !control;
  pause.setAttribute("aria-pressed", String(Boolean(paused?.value)));
  setText(pause, paused?.value ? "Resume" : "Pause");
  parameters.refresh();
  trainer.update();
  operate.update();
  events.update();
  showAlerts();
}

function showAlerts() {
  const alerts = [];
  if (!link.open && (link.ever || performance.now() - link.since > 1500)) alerts.push(["error", "Disconnected from the dashboard's server. Trying again by itself; what is shown is old."]);
  if (fleet.stopped) alerts.push(["error", "Emergency stop pressed: no robot moves until it is released."]);
  const node = fleet.coordinators.find((c) => c.deciding)?.name, paused = fleet.parameters[node]?.some((p) => p.name === "paused" && p.value === true);
  if (link.open && paused) alerts.push(["calm", "Paused: the coordinator begins no tick until it is resumed."]);
  if (fleet.low.size) alerts.push(["", `Battery low: ${fleet.low.size > 8 ? `${fleet.low.size} robots` : [...fleet.low].map((id) => robotName(fleet.names[id], id)).join(", ")}.`]);
  const silent = spokeAt === null || fleet.record ? null : (performance.now() - spokeAt) / 1000, rows = fleet.rows;
  const period = rows.length > 1 ? rows.at(-1).stamp - rows.at(-2).stamp : 1;
  const quiet = silent !== null && silent > Math.max(3, 3 * period);
  if (link.open && quiet && !paused) alerts.push(["", `The coordinator has said nothing for ${duration(10 * Math.floor(silent / 10) || silent)}.`]);
  if (fleet.game?.note) alerts.push(["calm", fleet.game.note]);
  const text = alerts.map(([, message]) => message).join("\n");
  if ($("alerts").dataset.shown !== text) {
    $("alerts").dataset.shown = text;
    $("alerts").replaceChildren(...alerts.map(([level, message]) => element("p", { class: `alert ${level}` }, message)));
  }
  $("link").dataset.state = !link.open ? "lost" : quiet || (spokeAt === null && !fleet.record) ? "quiet" : "live";
  setText($("link-text"), !link.open ? "disconnected" : fleet.record ? "a record" : spokeAt === null ? "no fleet yet" : quiet ? "fleet silent" : fleet.control ? "live, control" : "live, read-only");
  if (fleet.game === null && link.open) setText($("floor-empty"), `No fleet is heard on ${$("prefix").textContent} yet.\nIt is shown as soon as it speaks.`);
}

async function onLink(change) {
  link = { open: change.open, ever: link.ever || change.open, since: link.since };
  if (change.open) { // the server may be another one by now, and tells all from the start
    fleet.rows = [];
    events.clear();
    const token = sessionStorage.getItem("token");
    if (token) await unlock(token);
  } else fleet.control = false;
  showRights();
}

async function unlock(token) {
  const reply = await ask({ do: "unlock", token });
  fleet.control = reply.ok;
  if (reply.ok) sessionStorage.setItem("token", token);
  else if (reply.retry && sessionStorage.getItem("token") === token) setTimeout(() => unlock(token), 1000 * reply.retry);
  else if (link.open) sessionStorage.removeItem("token");
  showRights();
  return reply;
}

// The token comes in the part of the address that browsers send to nobody.
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname);
  if (link.open) unlock(token);
}
takeToken();
addEventListener("hashchange", takeToken);

$("unlock").addEventListener("click", () => { $("unlock-answer").textContent = ""; $("unlock-dialog").showModal(); });
$("unlock-cancel").addEventListener("click", () => $("unlock-dialog").close());
$("unlock-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const reply = await unlock($("token").value.trim());
  $("unlock-answer").textContent = reply.ok ? "" : reply.text;
  if (reply.ok) { $("token").value = ""; $("unlock-dialog").close(); }
});

$("stop").addEventListener("click", () => (fleet.stopped ? $("release-dialog").showModal() : ask({ do: "stop", pressed: true })));
$("release-cancel").addEventListener("click", () => $("release-dialog").close());
$("release-form").addEventListener("submit", () => ask({ do: "stop", pressed: false }));
$("pause").addEventListener("click", () => {
  const node = fleet.coordinators.find((c) => c.deciding)?.name;
  ask({ do: "set", node, values: { paused: $("pause").getAttribute("aria-pressed") !== "true" } });
});

const tabs = [...document.querySelectorAll("[role=tab]")];
function selectTab(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    $(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (tab.id === "tab-robots") roster.arrange();
}
tabs.forEach((tab) => {
  tab.addEventListener("click", () => selectTab(tab));
  tab.addEventListener("keydown", (event) => {
    const there = tabs.filter((other) => !other.disabled), at = there.indexOf(tab), n = there.length;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + n, Home: 0, End: n - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    there[to % n].focus();
    selectTab(there[to % n]);
  });
});
$("events-warnings").addEventListener("change", (event) => $("events").classList.toggle("only-warnings", event.target.checked));

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
function applyTheme() {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  $("theme").setAttribute("aria-pressed", String(chosen ? chosen === "dark" : prefersDark.matches));
  readTheme();
  floor.rebuild();
  charts.draw();
}
$("theme").addEventListener("click", () => {
  localStorage.setItem("theme", $("theme").getAttribute("aria-pressed") === "true" ? "light" : "dark");
  applyTheme();
});
prefersDark.addEventListener("change", applyTheme);
applyTheme();
showRights();
setInterval(() => { floor.describe(); charts.describe(); showAlerts(); }, 2000);
