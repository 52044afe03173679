// The filter of the report. Law: without it the page shows every case.
const text = document.getElementById("text"), group = document.getElementById("group"), block = document.getElementById("block"),
  profile = document.getElementById("profile"), rows = [...document.querySelectorAll("#cases tbody tr")], shown = document.getElementById("shown");
function filter() {
  const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const fits = (!group.value || row.dataset.group === group.value) && (!block.value || row.dataset.block === block.value)
      && (!profile.value || row.dataset.profiles.split("|").includes(profile.value)) && words.every(word => row.dataset.text.includes(word));
    row.hidden = !fits;
    count += fits;
  }
  shown.value = count + " of " + rows.length + " cases";
}
for (const one of [text, group, block, profile]) one.addEventListener("input", filter);
document.querySelector(".filters").hidden = false;
filter();
