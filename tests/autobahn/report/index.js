// Sorts and filters the cases. In their own order they stand in sections; in any other, in one list.
(() => {
  const table = document.getElementById("cases");
  const form = document.getElementById("filters");
  const [section, verdict, search] = ["section", "verdict", "search"].map((id) => document.getElementById(id));
  const shown = document.getElementById("shown");
  const groups = [...table.tBodies];
  const rows = [...table.querySelectorAll("tr[data-case]")];
  const home = new Map(rows.map((row) => [row, row.parentElement]));
  const list = table.createTBody();
  const sort = { key: "case", reversed: false };

  const isSelected = (row) =>
    (!section.value || row.dataset.case.split(".")[0] === section.value) &&
    (!verdict.value || [row.dataset.server, row.dataset.client].includes(verdict.value)) &&
    row.textContent.toLowerCase().includes(search.value.trim().toLowerCase());

  function filter() {
    let count = 0;
    for (const row of rows) {
      row.hidden = !isSelected(row);
      count += !row.hidden;
    }
    let heading;
    for (const group of groups) {
      if (group.className === "section") {
        heading = group;
        heading.hidden = true;
      } else {
        group.hidden = !group.querySelector("tr[data-case]:not([hidden])");
        heading.hidden &&= group.hidden;
      }
    }
    shown.value = `${count} of ${rows.length} cases`;
  }

  function order() {
    const sections = sort.key === "case" && !sort.reversed;
    const rank = (row) => (sort.key === "case" ? 0 : Number(row.dataset[sort.key] ?? -1));
    const sorted = rows.map((row, index) => ({ row, index, rank: rank(row) }));
    // Verdicts begin with the worst, and equal ones stay in the order of the cases.
    if (sort.key === "case") {
      if (sort.reversed) sorted.reverse();
    } else {
      const sign = sort.reversed ? 1 : -1;
      sorted.sort((a, b) => sign * (a.rank - b.rank) || a.index - b.index);
    }
    for (const { row } of sorted) (sections ? home.get(row) : list).append(row);
    for (const button of table.querySelectorAll("[data-sort]")) {
      const cell = button.parentElement;
      if (button.dataset.sort !== sort.key) cell.removeAttribute("aria-sort");
      else cell.setAttribute("aria-sort", (sort.key === "case") === sort.reversed ? "descending" : "ascending");
    }
    filter();
  }

  for (const button of table.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      sort.reversed = sort.key === button.dataset.sort && !sort.reversed;
      sort.key = button.dataset.sort;
      order();
    });
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  // Browsers keep what was chosen when the reader comes back from a page.
  addEventListener("pageshow", filter);
})();
