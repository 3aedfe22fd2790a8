// Search without a server: browsers refuse workers to pages that are opened as files, so the worker's script runs in a frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const base = new URL(url, location.href);
      this.ready = new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.hidden = true;
        document.body.append(frame);
        const inside = frame.contentWindow;
        inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        inside.importScripts = (...scripts) =>
          scripts.reduce((before, script) => before.then(() => load(script)), Promise.resolve());
        const load = (script) =>
          new Promise((done, failed) => {
            const element = inside.document.createElement("script");
            element.src = new URL(script, base).href;
            element.onload = done;
            element.onerror = failed;
            inside.document.body.append(element);
          });
        load(base).then(() => resolve(inside));
      });
    }
    postMessage(data) {
      this.ready.then((inside) => inside.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {}
  };
}
