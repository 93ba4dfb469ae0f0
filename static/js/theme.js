// Runs before the first paint: the chosen colours, and the mark that scripts are there.
// The choice is kept where the admin keeps its own, as "auto", "light" or "dark" in JSON.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const choice = JSON.parse(localStorage.getItem("adminTheme") ?? '"auto"');
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    if (localStorage.getItem("exactTimes") === "1") root.dataset.times = "exact";
  } catch {
    // Storage is closed to us or holds something else: the system's colours stay.
  }
})();
