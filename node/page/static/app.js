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
    const names = ["listing", "listings", "peer", "sync", "progress", "warning", "photo", "photos", "message",
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
      const note = (name) => { const event = { name, data: {} }; tell(event); channel.postMessage(event); };
      source.onopen = () => note("back");
      source.onerror = () => note("gone");
    });
    if (navigator.locks) navigator.locks.request("jangteo-live", listen);
    else listen();
  }

  // A node that has stopped is said, and keeps nothing: forms wait until it is there again.
  const gone = document.getElementById("gone");
  const setGone = (isGone) => { if (gone) gone.hidden = !isGone; };
  document.body.addEventListener("jangteo:gone", () => setGone(true));
  document.body.addEventListener("jangteo:back", () => setGone(false));
  document.body.addEventListener("jangteo:stopping", () => setGone(true));
  document.body.addEventListener("htmx:sendError", () => setGone(true));
  document.addEventListener("submit", (event) => {
    if (!gone || gone.hidden) return;
    event.preventDefault();
    gone.scrollIntoView({ block: "center" });
  }, true);

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
  for (const name of ["photo", "photos"]) document.body.addEventListener("jangteo:" + name, () => {
    for (const image of document.querySelectorAll("img.waiting[data-photo]")) {
      image.src = "/photo/" + image.dataset.photo;
    }
  });

  // The viewer: a photo as large as the window, with the keys that one tries.
  for (const gallery of document.querySelectorAll("[data-gallery]")) {
    const links = [...gallery.querySelectorAll("[data-view]")];
    const viewer = gallery.querySelector("dialog");
    if (!links.length || !viewer) continue;
    const large = viewer.querySelector("img");
    let at = 0;
    const show = (next) => {
      at = (next + links.length) % links.length;
      const small = links[at].querySelector(".sharp");
      large.dataset.photo = small.dataset.photo;
      large.src = links[at].href;
      large.alt = small.alt;
      viewer.querySelector(".turned").textContent = at + 1 + " / " + links.length;
    };
    links.forEach((link, index) => link.addEventListener("click", (event) => {
      event.preventDefault();
      show(index);
      viewer.showModal();
    }));
    viewer.addEventListener("click", (event) => {
      const turn = event.target.closest("[data-turn]");
      if (turn) show(at + Number(turn.dataset.turn));
      else if (event.target.closest("[data-close]") || event.target === viewer) viewer.close();
    });
    viewer.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) show(at + step);
    });
    viewer.addEventListener("close", () => links[at].focus());
  }

  // --- something new ---------------------------------------------------------------------------------
  const fresh = () => {
    const link = document.querySelector("#fresh .fresh");
    if (link) { link.href = location.pathname + location.search; link.hidden = false; }
  };
  document.body.addEventListener("jangteo:listing", fresh);
  document.body.addEventListener("jangteo:listings", fresh);

  // --- photos of what one sells -----------------------------------------------------------------------
  for (const field of document.querySelectorAll("[data-photos]")) {
    const tiles = field.querySelector(".photo-tiles");
    const news = field.querySelector(".photo-news");
    const input = field.querySelector("input[type=file]");
    const say = (text) => {
      const line = document.createElement("p");
      line.className = "notice failed";
      line.textContent = text;
      news.append(line);
    };
    const send = async (file) => {
      const tile = document.createElement("li");
      tile.className = "photo-tile busy";
      tile.textContent = field.dataset.busy;
      if (file.size > Number(field.dataset.bytes)) return say(file.name + ": " + field.dataset.large);
      tiles.append(tile);
      try {
        const answer = await fetch("/photos?name=" + encodeURIComponent(file.name), {
          method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" },
        });
        const box = document.createElement("template");
        box.innerHTML = await answer.text();
        const made = box.content.querySelector(".photo-tile");
        if (made) tile.replaceWith(made);
        else { tile.remove(); news.append(box.content); }
      } catch {
        tile.remove();
        say(field.dataset.failed);
      }
    };
    const take = async (files) => {
      news.replaceChildren();
      const most = Number(field.dataset.most);
      for (const file of files) {
        if (tiles.children.length >= most) { say(field.dataset.full); break; }
        await send(file);
      }
    };
    input.addEventListener("change", async () => {
      const files = [...input.files];
      input.value = "";
      await take(files);
    });
    for (const name of ["dragover", "dragleave", "drop"]) {
      field.addEventListener(name, (event) => {
        event.preventDefault();
        field.classList.toggle("over", name === "dragover");
        if (name === "drop") take([...event.dataTransfer.files]);
      });
    }
    tiles.addEventListener("click", (event) => {
      const tile = event.target.closest(".photo-tile");
      if (event.target.closest("[data-drop]")) tile.remove();
      else if (event.target.closest("[data-move]") && tile.previousElementSibling) {
        tile.previousElementSibling.before(tile);
      }
    });
    // What is written, on the card that others will see.
    const form = field.closest("form");
    const card = document.querySelector("#preview .card");
    const price = () => {
      const kind = form.querySelector("[name=kind]:checked");
      const amount = form.elements.amount.value.trim();
      if (kind.value !== "price" || !amount) return kind.closest("label").textContent.trim();
      const isBare = /^[\d.,\s]+$/.test(amount);
      return isBare ? amount + " " + form.elements.currency.value : amount;
    };
    const preview = () => {
      card.querySelector("h3").textContent = form.elements.title.value || form.querySelector("[for=title]").textContent;
      card.querySelector(".price").textContent = price();
      const first = tiles.querySelector(".shot");
      if (first) card.querySelector(".shot").replaceWith(first.cloneNode(true));
    };
    form.addEventListener("input", preview);
    new MutationObserver(preview).observe(tiles, { childList: true });
  }
  // --- talk ------------------------------------------------------------------------------------------
  // What is live is shown anew when something happens to it. An answer that is shown may have been
  // asked for before the latest of it, and the asking of what it replaced is lost: then once more.
  let heard = 0, timer = 0;
  const showAnew = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const shown of document.querySelectorAll("[data-hears]")) htmx.trigger(shown, "jangteo:anew");
    }, 150);
  };
  for (const name of ["message", "delivery", "deal", "notification"]) {
    document.body.addEventListener("jangteo:" + name, (event) => {
      for (const shown of document.querySelectorAll("[data-hears~=" + name + "]")) {
        const room = shown.dataset.room;
        if (room && event.detail.room && event.detail.room !== room) continue;
        heard += 1;
        showAnew();
      }
    });
  }
  document.body.addEventListener("htmx:beforeRequest", (event) => { event.detail.xhr.heard = heard; });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.xhr && event.detail.xhr.heard < heard && document.querySelector("[data-hears]")) showAnew();
  });
  const last = () => document.querySelector("[data-last]");
  let before = { last: last()?.dataset.last, height: 0, top: 0 };
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const said = document.querySelector(".said");
    if (said && event.detail.target?.id === "live") {
      before = { last: last()?.dataset.last, height: said.scrollHeight, top: said.scrollTop };
    }
  });
  // At once: another refresh may begin before this one has settled.
  document.body.addEventListener("htmx:afterSwap", () => {
    const said = document.querySelector(".said"), now = last();
    if (said && now && now.dataset.last !== before.last) {
      // Who looks at what was said before, or types there, is left there; else what came is shown.
      const isBusy = before.top < -40 || said.contains(document.activeElement?.closest("form") ?? null);
      if (isBusy && !now.matches(".own")) said.scrollTop = before.top - (said.scrollHeight - before.height);
      else said.scrollTop = 0;
      if (before.last) document.getElementById("news").textContent = now.innerText;
      before.last = now.dataset.last;
    }
    see();
  });
  // What is shown was seen, as soon as somebody can look at it.
  const see = () => {
    if (document.visibilityState !== "visible") return;
    for (const shown of document.querySelectorAll("[data-seen]")) {
      const url = shown.dataset.seen;
      delete shown.dataset.seen;
      fetch(url, { method: "POST", redirect: "manual", body: new URLSearchParams({ up_to: shown.dataset.upTo }) });
    }
  };
  document.addEventListener("visibilitychange", see);
  see();
  document.addEventListener("keydown", (event) => {
    const isEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
    if (isEnter && event.target.matches("textarea[data-enter]") && matchMedia("(pointer: fine)").matches) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });
  // What was sent is not left in its field; what was refused is.
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    if (!form.matches("form[data-once]") || !event.detail.xhr.status || event.detail.xhr.status >= 400) return;
    form.reset();
    const fold = form.closest("details");
    if (fold) fold.open = false;
  });

  // --- how far an exchange is ------------------------------------------------------------------------
  document.body.addEventListener("jangteo:progress", (event) => {
    const { done, total } = event.detail, box = document.querySelector("[data-progress]");
    if (!box || done === undefined) return;
    const shown = new Intl.NumberFormat(document.documentElement.lang);
    box.hidden = false;
    box.querySelector("[data-progress-text]").textContent = shown.format(done) + (total ? " / " + shown.format(total) : "");
    const bar = box.querySelector("progress");
    if (total) { bar.max = total; bar.value = Math.min(done, total); } else bar.removeAttribute("value");
  });
  document.body.addEventListener("jangteo:sync", () => {
    const box = document.querySelector("[data-progress]");
    if (box) box.hidden = true;
  });

  for (const button of document.querySelectorAll("[data-copy]")) {
    const text = document.querySelector("[data-copy-from]");
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.value);
      button.textContent = button.dataset.done;
    });
  }

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
