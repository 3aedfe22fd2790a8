// A node's parameters as controls; a set that is refused says why beside its control.
class Parameters {
  constructor(fleet, ask) {
    this.fleet = fleet;
    this.ask = ask;
    this.node = null;
    this.pinned = false; // somebody chose the node; otherwise it is the one that decides
    this.rows = new Map();
    $("parameter-node").addEventListener("change", (event) => { this.pinned = true; this.choose(event.target.value); });
    $("parameter-find").addEventListener("input", () => this.find());
  }

  // The parameters that nodes have, or who decides, changed.
  update() {
    const nodes = Object.keys(this.fleet.parameters), select = $("parameter-node");
    const label = (node) => (this.fleet.coordinators.some((c) => c.name === node && !c.deciding) ? `${node} (not deciding)` : node);
    const labels = nodes.map(label);
    if ([...select.options].map((option) => option.textContent).join() !== labels.join()) {
      select.replaceChildren(...nodes.map((node, i) => element("option", { value: node }, labels[i])));
      if (this.node) select.value = this.node;
    }
    const deciding = this.fleet.coordinators.find((c) => c.deciding && nodes.includes(c.name));
    const node = this.pinned && nodes.includes(this.node) ? this.node : deciding?.name ?? nodes[0] ?? null;
    if (node !== this.node) this.choose(node);
    else this.refresh();
  }

  choose(node) {
    this.node = node;
    if ($("parameter-node").value !== node && node) $("parameter-node").value = node;
    this.rows.clear();
    const all = this.fleet.parameters[node] ?? [], groups = new Map();
    for (const parameter of all.filter((p) => p.live)) {
      const group = parameter.name.includes(".") ? parameter.name.split(".")[0] : "general";
      groups.set(group, [...(groups.get(group) ?? []), this.makeRow(parameter)]);
    }
    const order = ["general", "sampling", "tick", "policy"], rank = (g) => (order.indexOf(g) < 0 ? 9 : order.indexOf(g)) + (g === "diagnostics" ? 1 : 0);
    const sections = [...groups].sort(([a], [b]) => rank(a) - rank(b)).map(([group, rows]) => element("fieldset", {}, element("legend", {}, group), ...rows));
    const fixed = all.filter((p) => !p.live).map((parameter) => this.makeRow(parameter));
    if (fixed.length) sections.push(element("details", {}, element("summary", {}, `Fixed while the node runs (${fixed.length})`), ...fixed));
    $("parameters").replaceChildren(...sections);
    this.refresh();
    this.find();
  }

  makeRow(parameter) {
    const id = `p-${parameter.name}`, row = { parameter, answer: element("p", { class: "answer", role: "status" }) };
    const unit = /\[([^\]]+)\]$/.exec(parameter.description)?.[1] ?? "", about = parameter.description.replace(/\s*\[[^\]]+\]$/, "").replaceAll("`", "");
    const { minimum, maximum } = parameter;
    const range = minimum === null && maximum === null ? "" : maximum === null ? `at least ${number(minimum, 4)}` : minimum === null ? `at most ${number(maximum, 4)}` : `${number(minimum, 4)} to ${number(maximum, 4)}`;
    const described = { id, "aria-describedby": `${id}-help` };
    if (!parameter.live) row.input = element("output", { ...described, class: "value mono" });
    else if (parameter.kind === "bool") row.input = element("input", { ...described, type: "checkbox" });
    else if (parameter.choices.length) row.input = element("select", described, ...parameter.choices.map((choice) => element("option", {}, choice)));
    else if (parameter.kind === "text") row.input = element("input", { ...described, type: "text", spellcheck: "false" });
    else row.input = element("input", { ...described, type: "number", step: parameter.kind === "int" ? 1 : "any", min: parameter.minimum, max: parameter.maximum });
    row.input.addEventListener("change", () => this.set(row));
    row.input.addEventListener("keydown", (event) => { if (event.key === "Escape") { this.show(row); row.answer.textContent = ""; } });
    row.line = element(
      "div", { class: "parameter" }, element("label", { for: id }, parameter.name),
      element("span", { class: "control" }, row.input, unit ? element("span", { class: "unit" }, unit) : ""),
      element("p", { class: "help", id: `${id}-help` }, [about, range].filter(Boolean).join(" · ")), row.answer,
    );
    this.rows.set(parameter.name, row);
    return row.line;
  }

  show({ parameter, input }) {
    if (!parameter.live) setText(input, String(parameter.value) || "(empty)");
    else if (parameter.kind === "bool") input.checked = parameter.value;
    else input.value = parameter.value;
  }

  // Values and rights as they are now; what somebody is typing stays.
  refresh() {
    const control = this.fleet.control;
    for (const parameter of this.fleet.parameters[this.node] ?? []) {
      const row = this.rows.get(parameter.name);
      if (!row) return this.choose(this.node);
      const changed = row.parameter.value !== parameter.value || !row.shown;
      row.parameter = parameter;
      row.shown = true;
      if (changed && (document.activeElement !== row.input || row.input.disabled)) this.show(row);
      if (parameter.live) row.input.disabled = !control;
    }
    const nothing = !this.node ? "No node whose parameters can be read." : control ? "" : "Read-only: unlock control to change values.";
    setText($("parameter-note"), nothing);
  }

  async set(row) {
    const { parameter, input } = row;
    const value = parameter.kind === "bool" ? input.checked : parameter.kind === "int" || parameter.kind === "float" ? Number(input.value) : input.value;
    if ((parameter.kind === "int" || parameter.kind === "float") && input.value.trim() === "") return this.say(row, false, "not a number");
    row.answer.className = "answer";
    row.answer.textContent = "setting …";
    const reply = await this.ask({ do: "set", node: this.node, values: { [parameter.name]: value } });
    if (!reply.ok) this.show(row);
    this.say(row, reply.ok, reply.ok ? "set" : reply.text || "refused");
  }

  say(row, ok, text) {
    row.answer.className = `answer ${ok ? "taken" : "refused"}`;
    row.answer.textContent = text;
    clearTimeout(row.timer);
    if (ok) row.timer = setTimeout(() => { row.answer.textContent = ""; }, 4000);
  }

  find() {
    const wanted = $("parameter-find").value.trim().toLowerCase();
    for (const [name, row] of this.rows) row.line.hidden = !(name.includes(wanted) || row.parameter.description.toLowerCase().includes(wanted));
    for (const group of $("parameters").children) {
      group.hidden = ![...group.querySelectorAll(".parameter")].some((line) => !line.hidden);
      if (wanted && group.tagName === "DETAILS") group.open = true;
    }
  }
}
