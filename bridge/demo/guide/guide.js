// Asks the demonstration every second what happened, and shows it. Words come from the page, never from here.
const page = document.body.dataset;
const states = JSON.parse(page.states);
const models = JSON.parse(page.models);
const roles = JSON.parse(document.querySelector("[data-people]").dataset.roles);
const shown = {};

const element = (name, text, className = "") => {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
};

const clock = (at) => new Date(at).toLocaleTimeString(document.documentElement.lang);

const line = (className, what, beside) => {
  const item = element("li", "", `item ${className}`);
  item.append(what, beside);
  return item;
};

const draw = (name, items) => {
  const list = document.querySelector(`[data-list="${name}"]`);
  const key = JSON.stringify(items.map((item) => item.textContent));
  if (shown[name] === key) return; // unchanged: a screen reader must not hear it again
  shown[name] = key;
  list.replaceChildren(...(items.length ? items : [element("li", page.empty, "small")]));
};

const show = (status) => {
  document.querySelectorAll("[data-desk]").forEach((link) => { link.href = status.desk; });
  document.querySelector("[data-code]").textContent = status.people[0].code;
  draw("results", status.results.map((result) => {
    const label = models[result.model.split("@")[0]] ?? result.model;
    const link = element("a", label);
    link.href = `${status.desk}/results/${result.id}`;
    link.target = "_blank";
    link.rel = "noopener";
    return line(result.state, link, element("b", states[result.state] ?? result.state));
  }));
  draw("pacs", status.pacs.map((item) =>
    line("", element("span", item.what + (item.rejected ? ` (${page.rejected})` : "")), element("time", clock(item.at)))));
  draw("dpi", status.dpi.map((item) =>
    line("", element("span", `${item.what}, ${page.version} ${item.version}`), element("time", clock(item.at)))));
  document.querySelector("[data-people]").replaceChildren(...status.people.map((person) => {
    const row = document.createElement("tr");
    row.append(...[person.login, person.password, roles[person.role] ?? person.role, person.code].map((text) => element("td", text)));
    return row;
  }));
  document.querySelector("[data-send]").textContent = `dcmsend ${status.scp.host} ${status.scp.port} -aec ${status.scp.aet} *.dcm`;
  document.querySelector("[data-journal]").textContent = `.venv/bin/aval journal verify --dir ${status.folder}`;
};

const ask = async () => {
  try {
    show(await (await fetch("status")).json());
  } catch {
    document.querySelector(".lead p").textContent = page.unreachable;
  }
  setTimeout(ask, 1000);
};
ask();
