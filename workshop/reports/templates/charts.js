"use strict";
// The specifications stand in the page as data. `ast` reads expressions without making code of text.
const specs = JSON.parse(document.getElementById("specs").textContent);
const narrow = window.matchMedia("(max-width: 40rem)").matches;
const sizes = { labelFontSize: 12, titleFontSize: 12 };
const config = {
  font: "system-ui, sans-serif",
  axis: { ...sizes, titleFontWeight: "normal" },
  axisY: { labelLimit: narrow ? 130 : 260 },
  legend: { ...sizes, columns: narrow ? 1 : 0 },
};
const options = { renderer: "svg", actions: false, ast: true, mode: "vega-lite", config };
const drawn = Object.entries(specs).map(([name, spec]) =>
  window.vegaEmbed(document.getElementById("chart-" + name), spec, options)
);
Promise.all(drawn).then(
  () => document.documentElement.setAttribute("data-charts", "drawn"),
  (error) => {
    document.documentElement.setAttribute("data-charts", "failed");
    console.error(error);
  }
);
