// What the page does beyond its forms: it hears of what happens, fills in photos as they come, and
// makes a few things lighter. Everything works without it but for what is live.
"use strict";
(() => {
  // --- what happens ------------------------------------------------------------------------------
  // One tab of this browser listens and tells the others: a browser opens few connections to a host.
  document.documentElement.classList.add("live");
  const url = document.body.dataset.live;
  const tell = (event) => {
    document.body.dispatchEvent(new CustomEvent("jangteo:" + event.name, { detail: event.data }));
  };
  if (url) {
    const channel = new BroadcastChannel("jangteo" + location.port);
    channel.onmessage = (message) => tell(message.data);
    const names = ["listing", "listings", "peer", "sync", "progress", "warning", "photo", "message",
      "deal", "delivery", "notification", "stopping"];
    const listen = () => new Promise(() => {
      const source = new EventSource(url);
      for (const name of names) {
        source.addEventListener(name, (message) => {
          const event = { name, data: JSON.parse(message.data) };
          tell(event);
          channel.postMessage(event);
        });
      }
      source.onerror = () => { const gone = { name: "peer", data: {} }; tell(gone); };
    });
    if (navigator.locks) navigator.locks.request("jangteo-live", listen);
    else listen();
  }

  // --- photos --------------------------------------------------------------------------------------
  // One that is not here yet is asked for again when the node says that it came.
  const waiting = (image) => { image.classList.add("waiting"); };
  document.addEventListener("error", (event) => {
    const image = event.target;
    if (image instanceof HTMLImageElement && image.dataset.photo) waiting(image);
  }, true);
  document.addEventListener("load", (event) => {
    const image = event.target;
    if (image instanceof HTMLImageElement && image.dataset.photo) {
      image.classList.remove("waiting");
      image.classList.add("here");
    }
  }, true);
  for (const image of document.querySelectorAll("img[data-photo]")) {
    if (image.complete) image.classList.add(image.naturalWidth ? "here" : "waiting");
  }
  document.body.addEventListener("jangteo:photo", () => {
    for (const image of document.querySelectorAll("img.waiting[data-photo]")) {
      image.src = "/photo/" + image.dataset.photo;
    }
  });

  // --- something new ---------------------------------------------------------------------------------
  const fresh = () => {
    const link = document.querySelector("#fresh .fresh");
    if (link) { link.href = location.pathname + location.search; link.hidden = false; }
  };
  document.body.addEventListener("jangteo:listing", fresh);
  document.body.addEventListener("jangteo:listings", fresh);

  // --- small conveniences ------------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submit]")) event.target.form.submit();
  });
  const wide = matchMedia("(min-width: 900px)");
  const unfold = () => {
    for (const fold of document.querySelectorAll("details[data-wide-open]")) if (wide.matches) fold.open = true;
  };
  wide.addEventListener("change", unfold);
  unfold();
  document.body.addEventListener("htmx:afterSwap", unfold);
})();
