// The question at the foot of the image: what is in the circle?

const box = document.getElementById("ask");

// `question` is {text, why, hint, buttons: [[name, act, key]]}; null takes it away.
export function ask(question) {
  box.hidden = !question;
  if (!question) {
    box.replaceChildren();
    return;
  }
  const line = (name, text) => {
    const p = document.createElement("p");
    p.className = name;
    p.textContent = text;
    return p;
  };
  const row = document.createElement("div");
  row.className = "row";
  row.append(line("hint grow", question.hint), ...question.buttons.map(([name, act, key]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    if (key) {
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      button.append(" ", kbd);
    }
    button.addEventListener("click", act);
    return button;
  }));
  box.replaceChildren(line("question", question.text), ...(question.why ? [line("hint", question.why)] : []), row);
}
