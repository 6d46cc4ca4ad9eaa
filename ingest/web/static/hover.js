// Only adds: the figures of a day beneath the pointer, or chosen by the arrow keys. Without it the page says the same.
"use strict";

for (const figure of document.querySelectorAll(".chart")) {
  const plot = figure.querySelector(".plot");
  const words = figure.querySelector(".words");
  const days = [...plot.querySelectorAll(".day")];
  const summary = words.textContent;
  const said = days.map((day) => {
    const title = day.querySelector("title");
    title.remove(); // the line beneath says it at once
    return title.textContent;
  });
  let lit = null;

  const show = (number) => {
    if (lit !== null) days[lit].classList.remove("lit");
    lit = number;
    if (lit !== null) days[lit].classList.add("lit");
    words.textContent = lit === null ? summary : said[lit];
  };

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const number = Math.floor(((event.clientX - box.left) / box.width) * days.length);
    show(Math.min(Math.max(number, 0), days.length - 1));
  });
  plot.addEventListener("pointerleave", () => show(null));
  plot.setAttribute("tabindex", "0");
  words.setAttribute("aria-live", "polite");
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") show(null);
    if (!step) return;
    event.preventDefault();
    const from = lit === null ? days.length - (step > 0 ? 2 : 0) : lit;
    show(Math.min(Math.max(from + step, 0), days.length - 1));
  });
  plot.addEventListener("blur", () => show(null));
}
