// The slider over a recorded run: which of its ticks is shown.
const FRAME = 100; // ms between two ticks that are played

class RecordSlider {
  constructor(fleet, ask) {
    this.fleet = fleet;
    this.ask = ask;
    this.slider = $("record-at");
    this.play = $("record-play");
    this.wanted = null;
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.play.addEventListener("click", () => this.run(this.play.getAttribute("aria-pressed") !== "true"));
  }

  run(playing) {
    clearInterval(this.timer);
    this.play.setAttribute("aria-pressed", String(playing));
    setText(this.play, playing ? "Stop" : "Play");
    if (!playing) return;
    const { at, count } = this.fleet.record;
    if (at === count - 1) this.seek(0);
    this.timer = setInterval(() => {
      const { at: now, count: all } = this.fleet.record;
      if (now >= all - 1) this.run(false);
      else this.seek(now + 1);
    }, FRAME);
  }

  // One question at a time; of those that come meanwhile the last one.
  async seek(at) {
    const asking = this.wanted !== null;
    this.wanted = at;
    if (asking) return;
    while (this.wanted !== null) {
      const now = this.wanted;
      await this.ask({ do: "seek", at: now });
      if (this.wanted === now) this.wanted = null;
    }
  }

  update() {
    const { record, last } = this.fleet;
    $("record").hidden = !record;
    if (!record) return;
    this.slider.max = record.count - 1;
    if (document.activeElement !== this.slider || this.wanted === null) this.slider.value = record.at;
    const text = `tick ${last?.tick ?? record.at}, ${record.at + 1} of ${record.count}`;
    this.slider.setAttribute("aria-valuetext", text);
    setText($("record-text"), text);
  }
}
