// Calls to the simulator's own pages. Failures say which field is wrong and what would be right.

const PREFIX = "/_sim/";

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error ?? `HTTP ${status}`);
    this.status = status;
    this.field = body?.field ?? "";
    this.expected = String(body?.expected ?? "");
  }
}

// Nothing came back: the simulator is gone, or its network is.
export class NoAnswer extends Error {}

export function get(page, query = {}) {
  const text = new URLSearchParams(query).toString();
  return send("GET", text ? `${page}?${text}` : page);
}

export function post(page, body) {
  return send("POST", page, body);
}

export function remove(page, query = {}) {
  return send("DELETE", `${page}?${new URLSearchParams(query)}`);
}

async function send(method, path, body = null) {
  let response;
  let answer;
  try {
    response = await fetch(PREFIX + path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
    });
    answer = await response.json();
  } catch (error) {
    throw new NoAnswer(String(error));
  }
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}
