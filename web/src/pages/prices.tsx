export function PricesPage() { return <p class="empty">Not built yet.</p>; }
