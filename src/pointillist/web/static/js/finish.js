// From points to a finished map: downloads.

import { download } from "./api.js";
import { toast } from "./toast.js";

const $ = (id) => document.getElementById(id);

export class Finish {
  constructor(scene, view, labels, classes, author) {
    Object.assign(this, { scene, view, labels, classes, author, answering: null });
    this.#links(["points"]);
  }

  #links(kinds) {
    $("downloads").replaceChildren(...kinds.map((kind) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `↓ ${kind[0].toUpperCase()}${kind.slice(1)}`;
      button.dataset.download = kind;
      button.addEventListener("click", async () => {
        try {
          await download(`scenes/${this.scene.id}/export/${kind}`, kind);
        } catch (error) {
          toast(error.message, "error");
        }
      });
      return button;
    }));
  }

  answer() {
    return false;
  }

  skip() {}

  show() {}

  refresh() {}
}
