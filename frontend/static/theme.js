// Runs before the first paint, so that the wrong theme does not flash. The program
// stores the user's choice (src/state/prefs.rs); until then the system and the
// browser decide.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem("tocsin.prefs")) || {};
    } catch {
      return {};
    }
  };
  const theme = () => {
    root.dataset.theme = kept().theme || (system.matches ? "dark" : "light");
  };
  theme();
  system.addEventListener("change", theme);
  const lang = kept().lang || navigator.language || "en";
  root.lang = lang.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
  root.dataset.density = kept().density || "comfortable";
  // Requests the signed-in user while the program loads (src/api/mod.rs).
  if (!/\/set-up$/.test(location.pathname)) {
    window.tocsinMe = fetch("api/v1/me", { headers: { accept: "application/json" } });
    window.tocsinMe.catch(() => {});
  }
})();
