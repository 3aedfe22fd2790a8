// What an operator can do with the robot that is chosen in the table; the robot itself has the last word.
const ROBOT_COMMANDS = { send: "Send", hold: "Hold", release: "Release", remove: "Remove", return: "Return" };

class Operate {
  constructor(fleet, ask) {
    this.fleet = fleet;
    this.ask = ask;
    this.robot = null;
    this.title = element("b", { id: "operate-robot" });
    this.zone = element("select", { id: "operate-zone", "aria-label": "Zone to send it to" });
    this.answer = element("p", { class: "answer", role: "status" });
    this.buttons = Object.entries(ROBOT_COMMANDS).map(([command, title]) => element(
      "button", { type: "button", id: `operate-${command}`, onclick: () => this.call(command) }, title,
    ));
    const close = element("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => this.choose(null) }, "×");
    $("operate").replaceChildren(this.title, this.zone, ...this.buttons, close, this.answer);
  }

  choose(robot) {
    this.robot = robot;
    this.answer.textContent = "";
    this.update();
  }

  update() {
    const { names, game, control } = this.fleet;
    $("operate").hidden = this.robot === null;
    if (this.robot === null) return;
    setText(this.title, shortName(names[this.robot], this.robot));
    const zones = game?.zones ?? [];
    if (this.shown !== zones) {
      this.shown = zones;
      this.zone.replaceChildren(...zones.map((zone) => element("option", { value: zone }, zone)));
    }
    for (const part of [this.zone, ...this.buttons]) part.disabled = !control;
  }

  async call(command) {
    const robot = this.robot;
    this.answer.className = "answer";
    this.answer.textContent = `${command} …`;
    const reply = await this.ask({ do: "robot", robot, command, zone: command === "send" ? this.zone.value : "" });
    this.answer.className = `answer ${reply.ok ? "taken" : "refused"}`;
    this.answer.textContent = reply.text || (reply.ok ? "done" : "refused");
  }
}
