// The log, the newest first.
const MOST_LINES = 200;
const SIGNS = { info: "·", warning: "▲", error: "■" };

function addEvents(events) {
  const list = $("event-lines");
  for (const { number: key, time, level, kind, text } of events) {
    list.prepend(element(
      "li", { class: level, "data-number": key, "data-kind": kind }, element("time", {}, clock(time)),
      element("span", { class: "sign" }, element("span", { "aria-hidden": "true" }, SIGNS[level]), element("span", { class: "hidden" }, level === "info" ? "" : level)),
      element("span", { class: "text" }, text),
    ));
  }
  while (list.childElementCount > MOST_LINES) list.lastChild.remove();
}
