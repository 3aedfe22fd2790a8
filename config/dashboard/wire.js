// The WebSocket: frames in (see dashboard/frames.py), commands out, connected again whenever it breaks.
const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const FIRST_RETRY = 250, LONGEST_RETRY = 5000; // ms
const PATIENCE = 8000; // ms with an answer

function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const columns = {};
  let at = 4 + length;
  for (const [name, kind, size] of head.columns) {
    columns[name] = new ARRAYS[kind](buffer, at, size);
    at += Math.ceil(columns[name].byteLength / 4) * 4;
  }
  return [head, columns];
}

class Wire {
  constructor(onFrame, onLink) {
    this.onFrame = onFrame;
    this.onLink = onLink;
    this.retry = FIRST_RETRY;
    this.number = 0;
    this.waiting = new Map();
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.retry = FIRST_RETRY;
      this.onLink({ open: true });
    };
    socket.onmessage = (event) => {
      const [head, columns] = decode(event.data);
      for (const reply of head.replies ?? []) this.answered(reply);
      this.onFrame(head, columns);
    };
    socket.onclose = () => {
      for (const [, done] of this.waiting) done({ ok: false, text: "the connection broke before an answer came" });
      this.waiting.clear();
      this.onLink({ open: false, retry: this.retry });
      setTimeout(() => this.connect(), this.retry);
      this.retry = Math.min(2 * this.retry, LONGEST_RETRY);
    };
  }

  answered(reply) {
    this.waiting.get(reply.id)?.(reply);
    this.waiting.delete(reply.id);
  }

  // What became of a command: { ok, text }.
  ask(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return Promise.resolve({ ok: false, text: "not connected" });
    const id = ++this.number;
    return new Promise((done) => {
      this.waiting.set(id, done);
      setTimeout(() => this.answered({ id, ok: false, text: "no answer" }), PATIENCE);
      this.socket.send(JSON.stringify({ id, ...message }));
    });
  }
}
