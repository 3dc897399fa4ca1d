// The page's language: Korean or English, as the browser says or as chosen last.

import { WORDS } from "./words.js";

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

export function isKorean() {
  return language === "ko";
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
