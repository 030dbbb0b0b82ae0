"use strict";
// Tables sort by a click, or Enter and Space, on a heading: numbers as numbers, what is missing last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  if (body.rows.length < 2) continue;
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...[...body.rows].sort((a, b) => order(a.cells[column], b.cells[column], down ? -1 : 1)));
    });
  });
}

function order(a, b, sign) {
  const missing = a.hasAttribute("data-missing") - b.hasAttribute("data-missing");
  if (missing !== 0) return missing;
  const [x, y] = [a.dataset.sort, b.dataset.sort];
  if (x !== undefined && y !== undefined) return x === y ? 0 : sign * (Number(x) - Number(y));
  if (x !== undefined || y !== undefined) return x !== undefined ? -sign : sign;
  return sign * a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
