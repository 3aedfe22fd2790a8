// What the trainer does and found, and what can be done with it.
const VERBS = { train: "Train", cancel: "Cancel", deploy: "Deploy", rollback: "Roll back" };
const STATES = {
  idle: "Nothing trained yet", training: "Training", shadow: "Shadowing the policy in force", ready: "Ready to deploy",
  deploying: "Deploying", deployed: "Deployed", cancelled: "Cancelled", failed: "Failed",
};

class Trainer {
  constructor(fleet, ask) {
    this.fleet = fleet;
    this.ask = ask;
    this.state = element("p", { class: "state" });
    this.bar = element("progress", { max: 1, value: 0, "aria-label": "Progress of the training" });
    this.message = element("p", { class: "soft" });
    this.table = element("table", {});
    this.about = element("p", { class: "soft" });
    this.answer = element("p", { class: "answer", role: "status" });
    this.buttons = Object.fromEntries(Object.entries(VERBS).map(([verb, title]) => [
      verb, element("button", { type: "button", id: `trainer-${verb}`, onclick: () => this.call(verb) }, title),
    ]));
    this.whole = [
      this.state, this.bar, this.message, element("div", { class: "buttons" }, ...Object.values(this.buttons)), this.answer, this.table, this.about,
    ];
    this.update();
  }

  update() {
    const { trainer, progress, control } = this.fleet, tab = $("tab-trainer");
    tab.disabled = !trainer;
    tab.title = trainer ? "" : "No trainer is running";
    if (!trainer) {
      if (tab.getAttribute("aria-selected") === "true") $("tab-robots").click();
      $("trainer").replaceChildren(element("p", { class: "soft" }, "No trainer is running. Start one beside the fleet to train, shadow and deploy policies from here."));
      return;
    }
    if ($("trainer").firstChild !== this.state) $("trainer").replaceChildren(...this.whole);
    for (const [verb, button] of Object.entries(this.buttons)) button.disabled = !control || !trainer[verb] || !this.sensible(verb);
    const next = progress?.state === "ready" ? "deploy" : "train";
    for (const [verb, button] of Object.entries(this.buttons)) button.classList.toggle("primary", verb === next);
    const p = progress;
    if (!p) {
      this.state.replaceChildren(element("b", {}, "No progress told yet"));
      return;
    }
    const done = p.state === "training" ? `${percent(p.fraction)}, ${duration(p.elapsed)}` : p.elapsed > 0 ? duration(p.elapsed) : "";
    this.state.replaceChildren(element("b", { class: p.state === "failed" ? "refused" : "" }, STATES[p.state] ?? p.state), element("span", { class: "soft" }, done));
    this.bar.value = ["shadow", "ready", "deploying", "deployed"].includes(p.state) ? 1 : p.fraction;
    setText(this.message, p.message);
    const name = (id) => (id ? policyName(id) : "–"), half = (value, width, known = false) => (known || width > 0 || value ? `${number(value, 4)} ± ${number(width, 2)}` : "–");
    const line = (title, ...cells) => element("tr", {}, element("th", { scope: "row" }, title), ...cells.map((cell) => element("td", { class: "mono" }, cell)));
    const candidate = Boolean(p.candidate_id);
    this.table.replaceChildren(
      element("caption", { class: "hidden" }, "Policy in force and candidate"),
      element("thead", {}, element("tr", {}, element("td", {}), element("th", { scope: "col" }, "in force"), element("th", { scope: "col" }, "candidate"))),
      element("tbody", {},
        line("policy", name(p.policy_id), name(p.candidate_id)),
        line("simulated value", half(p.value, p.value_half_width), candidate ? half(p.candidate_value, p.candidate_value_half_width) : "–"),
        line("gain", "", candidate ? half(p.gain, p.gain_half_width, true) : "–"),
        line("shadow, same decisions", "", p.shadow_ticks ? `${percent(p.shadow_agreed / p.shadow_ticks)} of ${p.shadow_ticks}` : "–")),
    );
    const earlier = this.earlier(p);
    setText(this.about, [p.game && `Game ${p.game}.`, earlier.length ? `Roll back gives ${this.prefix()} its policy ${policyName(earlier[0])} back${earlier.length > 1 ? `; kept before it: ${earlier.slice(1).map(policyName).join(", ")}` : ""}.` : `Nothing to roll ${this.prefix()} back to.`].filter(Boolean).join(" "));
  }

  // The fleet that the trainer serves.
  prefix() {
    const told = this.fleet.parameters["/trainer"]?.find((parameter) => parameter.name === "fleet_prefix");
    return `the fleet ${told?.value || $("prefix").textContent}`;
  }

  // Policies that a rollback can return to, newest first.
  earlier({ kept, policy_id: now }) {
    return kept.filter((id) => id !== now);
  }

  // Whether a verb can do something now.
  sensible(verb) {
    const p = this.fleet.progress, training = ["training", "deploying"].includes(p?.state);
    if (!p) return verb === "train";
    return { train: !training, cancel: ["training", "shadow", "ready"].includes(p.state), deploy: ["shadow", "ready"].includes(p.state), rollback: this.earlier(p).length > 0 && !training }[verb];
  }

  async call(verb) {
    this.answer.className = "answer";
    this.answer.textContent = `${VERBS[verb].toLowerCase()} …`;
    const reply = await this.ask({ do: "trainer", verb });
    this.answer.className = `answer ${reply.ok ? "taken" : "refused"}`;
    this.answer.textContent = reply.text || (reply.ok ? "done" : "refused");
  }
}
