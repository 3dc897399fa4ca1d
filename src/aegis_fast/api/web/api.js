// Calls to the engine. Tokens are renewed by themselves; failures say which field and what is right.

const PREFIX = "/api/v3.1/";
const STORED = "aegis.access";

export class ApiError extends Error {
  constructor(status, envelope) {
    super(envelope?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = envelope?.code ?? 8;
    this.field = envelope?.detail?.field ?? "";
    this.expected = envelope?.detail?.expected ?? "";
    this.venueCode = envelope?.detail?.venue_code ?? "";
  }
}

// Nothing came back: whether it happened is not known.
export class NoAnswer extends Error {}

export class Api {
  // The access token outlives a reload of the page. Key and refresh token live in memory only: a
  // copied tab must not use the same refresh token, and an engine that restarts forgets its tokens.
  #access = sessionStorage.getItem(STORED) ?? "";
  #refresh = "";
  #credentials = null;
  #renewing = null;

  get token() {
    return this.#access;
  }

  hello() {
    return this.#send("GET", "hello", null, "");
  }

  async logIn(key, secret) {
    const pair = await this.#send("POST", "auth/token", { api_key: key, api_secret: secret }, "");
    this.#credentials = { key, secret };
    this.#keep(pair);
  }

  logOut() {
    this.#credentials = null;
    this.#refresh = "";
    this.#access = "";
    sessionStorage.removeItem(STORED);
  }

  async call(method, path, body = null) {
    const token = this.#access;
    try {
      return await this.#send(method, path, body, token);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      await this.renew(token);
      return this.#send(method, path, body, this.#access);
    }
  }

  // Replace a refused token, once however many calls wait for it.
  async renew(refused) {
    if (this.#access !== refused) return;
    this.#renewing ??= this.#renewNow().finally(() => { this.#renewing = null; });
    await this.#renewing;
  }

  async #renewNow() {
    if (this.#refresh) {
      const token = this.#refresh;
      this.#refresh = "";
      try {
        this.#keep(await this.#send("POST", "auth/refresh", { refresh_token: token }, ""));
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) {
          this.#refresh = token;
          throw error;
        }
      }
    }
    if (!this.#credentials) {
      throw new ApiError(401, { message: "", code: 2 });
    }
    await this.logIn(this.#credentials.key, this.#credentials.secret);
  }

  #keep(pair) {
    this.#access = pair.access_token;
    this.#refresh = pair.refresh_token;
    sessionStorage.setItem(STORED, this.#access);
  }

  async #send(method, path, body, token) {
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    let response;
    let envelope;
    try {
      response = await fetch(PREFIX + path, {
        method, headers, body: body ? JSON.stringify(body) : undefined,
      });
      envelope = await response.json();
    } catch (error) {
      throw new NoAnswer(String(error));
    }
    if (envelope.detail) throw new ApiError(response.status, envelope);
    return envelope.data;
  }
}
