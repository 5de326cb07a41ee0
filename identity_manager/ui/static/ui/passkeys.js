// Passkeys: a form with data-passkey asks the browser first and is sent with its answer.
"use strict";

{
  const TROUBLE = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };

  function show(form, trouble) {
    for (const name of ["cancelled", "known", "impossible"]) {
      const words = form.querySelector(`[data-passkey-${name}]`);
      if (words) words.hidden = name !== trouble;
    }
  }

  // From the page where they stand there; else they are fetched, so that a mere visit needs no session.
  async function options(form) {
    const place = document.getElementById(form.dataset.passkeyOptions);
    if (place) return JSON.parse(place.textContent);
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const answer = await fetch(form.dataset.passkeyAddress, {
      method: "POST",
      headers: { "X-CSRFToken": token },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async function ask(form) {
    show(form, "");
    if (!window.PublicKeyCredential || !window.webauthnJSON) return show(form, "impossible");
    try {
      const wanted = await options(form);
      const making = form.dataset.passkey === "create";
      const credential = await (making ? window.webauthnJSON.create(wanted) : window.webauthnJSON.get(wanted));
      form.querySelector("[name=credential]").value = JSON.stringify(credential);
      form.submit();
    } catch (error) {
      show(form, TROUBLE[error.name] ?? "impossible");
    }
    return undefined;
  }

  for (const form of document.querySelectorAll("[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
}
