// The live connection: logs in with its first message, subscribes, and comes back by itself.

const PROTOCOL = "aegis.v3.1";
const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 5000;
const PING_MS = 15000;
const SILENCE_MS = 40000;
const UNAUTHORIZED = 4401;

export class Stream {
  #api;
  #onMessage;
  #onState;
  #onLoggedOut;
  #socket = null;
  #topics = new Map();
  #retryMs = FIRST_RETRY_MS;
  #timer = 0;
  #pinger = 0;
  #heardAt = 0;
  #isWanted = false;
  #isLive = false;

  constructor(api, { onMessage, onState, onLoggedOut }) {
    this.#api = api;
    this.#onMessage = onMessage;
    this.#onState = onState;
    this.#onLoggedOut = onLoggedOut;
  }

  start() {
    this.#isWanted = true;
    this.#open();
  }

  stop() {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.#topics.clear();
    this.#socket?.close();
  }

  subscribe(channel, symbol = "") {
    this.#topics.set(`${channel} ${symbol}`, { channel, symbol });
    this.#say("subscribe", channel, symbol);
  }

  unsubscribe(channel, symbol) {
    this.#topics.delete(`${channel} ${symbol}`);
    this.#say("unsubscribe", channel, symbol);
  }

  #say(op, channel, symbol) {
    if (!this.#isLive) return;
    const symbols = symbol ? [symbol] : [];
    this.#socket.send(JSON.stringify({ op, channels: [channel], symbols, id: symbol || channel }));
  }

  #open() {
    this.#onState(this.#retryMs > FIRST_RETRY_MS ? "retrying" : "connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/api/v3.1/stream`, PROTOCOL);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ op: "auth", token: this.#api.token }));
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => this.#closed(socket, event.code);
    this.#heardAt = Date.now();
    clearInterval(this.#pinger);
    this.#pinger = setInterval(() => this.#checkSilence(socket), PING_MS);
  }

  #checkSilence(socket) {
    if (Date.now() - this.#heardAt > SILENCE_MS) {
      // A half-open connection never closes by itself.
      this.#closed(socket, 0);
      socket.close();
    } else if (this.#isLive) {
      socket.send(JSON.stringify({ op: "ping" }));
    }
  }

  #hear(message) {
    this.#heardAt = Date.now();
    if (message.type === "ack" && message.op === "auth") {
      this.#isLive = true;
      this.#retryMs = FIRST_RETRY_MS;
      this.#onState("live");
      for (const { channel, symbol } of this.#topics.values()) {
        this.#say("subscribe", channel, symbol);
      }
    } else if (message.type === "error" && message.op === "auth") {
      // The engine was restarted and forgot the token, or the token is too old.
      const socket = this.#socket;
      this.#closed(socket, UNAUTHORIZED);
      socket.close();
    } else {
      this.#onMessage(message);
    }
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#isLive = false;
    clearInterval(this.#pinger);
    if (!this.#isWanted) {
      this.#onState("off");
      return;
    }
    this.#onState("retrying");
    this.#timer = setTimeout(() => this.#again(code), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  async #again(code) {
    if (code === UNAUTHORIZED) {
      try {
        await this.#api.renew(this.#api.token);
      } catch (error) {
        if (error.status === 401) {
          this.stop();
          this.#onLoggedOut();
          return;
        }
      }
    }
    if (this.#isWanted) this.#open();
  }
}
