// The figure beside a slider follows it; everything else is the server's.
document.addEventListener("input", (event) => {
  const shown = document.querySelector(`output[for="${event.target.id}"]`);
  if (shown) shown.textContent = `${event.target.value} ${shown.dataset.unit}`;
});
