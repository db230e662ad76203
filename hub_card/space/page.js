// The charts in step with the video: playheads, clicks and keys, and the file with the timeline.
(() => {
  const STEP_SEC = 0.25; // between windows
  let chosen = null; // {track, window}: what the last click named

  const video = () => document.querySelector("#clip video");
  const people = () => [...document.querySelectorAll("#timeline .person")];
  const durationOf = (person) => Number(getComputedStyle(person).getPropertyValue("--duration"));
  const now = () => Number(getComputedStyle(document.documentElement).getPropertyValue("--now")) || 0;

  function windowsOf(person) {
    if (!person.windows) {
      const values = person.querySelector(".values");
      person.windows = values ? JSON.parse(values.value) : [];
    }
    return person.windows;
  }

  // The window of a person whose middle is nearest: [start, end, label, score].
  function windowAt(person, second) {
    const distance = ([start, end]) => Math.abs((start + end) / 2 - second);
    return windowsOf(person).reduce((best, each) => (!best || distance(each) < distance(best) ? each : best), null);
  }

  function textAt(person, second) {
    const found = windowAt(person, second);
    if (!found || second < found[0] - STEP_SEC || second > found[1] + STEP_SEC) return `${second.toFixed(1)} s: not seen`;
    const score = found[3] === null ? "" : `, score ${Math.round(100 * found[3])} %`;
    return `${second.toFixed(1)} s: ${found[2]}${score}`;
  }

  function showTime(second) {
    document.documentElement.style.setProperty("--now", second);
    for (const person of people()) {
      const plot = person.querySelector(".plot[role]");
      if (!plot) continue;
      plot.setAttribute("aria-valuenow", second.toFixed(2));
      plot.setAttribute("aria-valuetext", textAt(person, second));
    }
  }

  function showChosen() {
    for (const person of people()) {
      const mark = person.querySelector(".chosen");
      const isChosen = chosen && person.dataset.track === chosen.track;
      mark.style.display = isChosen ? "block" : "none";
      if (!isChosen) continue;
      const duration = durationOf(person);
      const [start, end] = chosen.window;
      mark.style.left = `${(100 * start) / duration}%`;
      mark.style.width = `max(4px, ${(100 * (end - start)) / duration}%)`;
    }
  }

  function seek(second) {
    if (video()) video().currentTime = Math.min(second, video().duration || second);
    showTime(second);
  }

  // Returns what the server is asked for: the window of this person at this time.
  function choose(person, second) {
    const found = windowAt(person, second);
    if (!found) return null;
    chosen = { track: person.dataset.track, window: found };
    showChosen();
    return { track_id: Number(person.dataset.track), center_sec: (found[0] + found[1]) / 2 };
  }

  function secondAt(person, event) {
    const box = person.querySelector(".plot").getBoundingClientRect();
    return (durationOf(person) * Math.min(Math.max(event.clientX - box.left, 0), box.width)) / box.width;
  }

  function save(button) {
    const text = document.querySelector("#timeline .table").value;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = button.dataset.save;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // Gradio calls this once, with the element that the charts are in.
  window.connectCharts = (element, trigger) => {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-save]");
      if (button) return save(button);
      const plot = event.target.closest(".plot[role]");
      if (!plot) return;
      const person = plot.closest(".person");
      const second = secondAt(person, event);
      seek(second);
      const wanted = choose(person, second);
      if (wanted) trigger("select", wanted);
    });
    element.addEventListener("keydown", (event) => {
      const plot = event.target.closest(".plot[role]");
      if (!plot) return;
      const person = plot.closest(".person");
      const moves = { ArrowLeft: -STEP_SEC, ArrowDown: -STEP_SEC, ArrowRight: STEP_SEC, ArrowUp: STEP_SEC };
      const jumps = { Home: 0, End: durationOf(person) };
      const pages = { PageDown: -10 * STEP_SEC, PageUp: 10 * STEP_SEC };
      if (event.key === "Enter" || event.key === " ") {
        const wanted = choose(person, now());
        if (wanted) trigger("select", wanted);
      } else if (event.key in jumps) seek(jumps[event.key]);
      else if (event.key in moves || event.key in pages) {
        const second = now() + (moves[event.key] || pages[event.key]);
        seek(Math.min(Math.max(second, 0), durationOf(person)));
      } else return;
      event.preventDefault();
    });
    new MutationObserver(() => {
      if (!people().some((person) => person.querySelector(".values"))) chosen = null; // another video is read
      showChosen();
      showTime(now());
    }).observe(element, { childList: true, subtree: true });
  };

  // Events of a video do not bubble, but are seen on their way down.
  const isOurs = (event) => event.target === video();
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) {
    document.addEventListener(name, (event) => isOurs(event) && showTime(event.target.currentTime), true);
  }
  // `timeupdate` comes four times a second; between two the playhead moves on its own.
  function follow() {
    const playing = video();
    if (!playing || playing.paused || playing.ended) return;
    document.documentElement.style.setProperty("--now", playing.currentTime);
    requestAnimationFrame(follow);
  }
  document.addEventListener("play", (event) => isOurs(event) && follow(), true);
})();
