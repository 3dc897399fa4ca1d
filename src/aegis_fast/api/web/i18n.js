// The page's words, in Korean and English.

const WORDS = {
  ko: {
    account: "계좌", add: "추가", addSymbol: "종목코드", amount: "주문금액",
    apiKey: "API 키", apiSecret: "비밀키", askQty: "매도잔량", averageCost: "평균단가",
    awaiting: "대기", base: "기준가 (원)", bidQty: "매수잔량", buy: "매수", cancel: "취소",
    cash: "예수금 (D+2)", closedOrders: "끝난 주문", conditional: "조건부지정가",
    connecting: "연결 중", demoHint: "모의 환경입니다. 데모 키가 입력되어 있습니다.",
    expected: "올바른 값", fills: "체결 내역", filledOfQty: "체결/수량", feedDown: "시세 끊김",
    higher: "한 호가 위로", killSwitch: "킬스위치 켜짐: 새 주문을 받지 않습니다",
    lastTrades: "체결", limit: "지정가", live: "실시간", liveConfirm: "실거래 주문입니다. 보낼까요?",
    logIn: "로그인", logOut: "로그아웃", lower: "한 호가 아래로", market: "시장가",
    marketPrice: "시장가", no: "아니요", none: "없음", note: "비고",
    notReady: "거래 준비 안 됨", off: "연결 끊김", offset: "기준가 대비 오프셋 (§7.1)",
    order: "주문", orderable: "주문가능", placeOrder: "주문", placed: "주문 접수", positions: "보유종목", price: "가격",
    priceKrw: "가격 (원)", profit: "평가손익", qty: "수량", qtyShares: "수량 (주)",
    retrying: "다시 연결 중", sameOrder: "응답을 받지 못했습니다. 다시 눌러도 두 번 주문되지 않습니다.",
    sell: "매도", sessionEnded: "다시 로그인해 주세요", side: "구분", state: "상태", strategyStopped: "전략 정지", symbol: "종목",
    symbols: "관심종목", time: "시각", total: "총잔량", totalValue: "총평가", type: "유형",
    venue: "거래소", workingOrders: "미체결 주문", yes: "보내기", amend: "정정",
    field_qty: "수량", field_price_krw: "가격", field_base_price_krw: "기준가", field_symbol: "종목",
    field_venue: "거래소", field_client_order_id: "주문 번호", field_api_secret: "비밀키",
    state_pending: "접수 중", state_live: "대기", state_partial: "일부체결", state_filled: "체결",
    state_canceled: "취소됨", state_rejected: "거부", state_unknown: "확인 중",
  },
  en: {
    account: "Account", add: "Add", addSymbol: "Symbol", amount: "Amount",
    apiKey: "API key", apiSecret: "Secret", askQty: "Ask qty", averageCost: "Average",
    awaiting: "awaited", base: "Base price (won)", bidQty: "Bid qty", buy: "Buy", cancel: "Cancel",
    cash: "Cash (D+2)", closedOrders: "Finished orders", conditional: "Conditional limit",
    connecting: "Connecting", demoHint: "This is the simulator. The demo key is filled in.",
    expected: "expected", fills: "Fills", filledOfQty: "Filled/Qty", feedDown: "Feed down",
    higher: "One tick up", killSwitch: "Kill switch on: no new orders",
    lastTrades: "Trades", limit: "Limit", live: "Live", liveConfirm: "This is real money. Send?",
    logIn: "Log in", logOut: "Log out", lower: "One tick down", market: "Market",
    marketPrice: "Market", no: "No", none: "None", note: "Note",
    notReady: "Trading is not open", off: "Disconnected", offset: "Offset from base (§7.1)",
    order: "Order", orderable: "Orderable", placeOrder: "order", placed: "Order placed", positions: "Positions",
    price: "Price", priceKrw: "Price (won)", profit: "Profit", qty: "Qty",
    qtyShares: "Quantity (shares)", retrying: "Reconnecting",
    sameOrder: "No answer came. Pressing again never makes a second order.",
    sell: "Sell", sessionEnded: "Please log in again", side: "Side", state: "State",
    strategyStopped: "Strategy stopped", symbol: "Symbol", symbols: "Watch list", time: "Time", total: "Total",
    totalValue: "Total value", type: "Type", venue: "Venue", workingOrders: "Working orders",
    yes: "Send", amend: "amend",
    field_qty: "Quantity", field_price_krw: "Price", field_base_price_krw: "Base price",
    field_symbol: "Symbol", field_venue: "Venue", field_client_order_id: "Order number",
    field_api_secret: "Secret",
    state_pending: "sending", state_live: "working", state_partial: "part filled",
    state_filled: "filled", state_canceled: "canceled", state_rejected: "rejected",
    state_unknown: "checking",
  },
};

const STORED = "aegis.language";
let language = localStorage.getItem(STORED)
  || (navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en");
const listeners = [];

export function t(key) {
  return WORDS[language][key] ?? key;
}

export function has(key) {
  return key in WORDS[language];
}

export function otherLanguage() {
  return language === "ko" ? "EN" : "한국어";
}

export function toggleLanguage() {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem(STORED, language);
  translatePage();
}

export function onLanguage(listener) {
  listeners.push(listener);
}

export function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = t(element.dataset.i18n);
  }
  for (const element of document.querySelectorAll("[data-i18n-placeholder]")) {
    element.placeholder = t(element.dataset.i18nPlaceholder);
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  }
  for (const listener of listeners) listener();
}
