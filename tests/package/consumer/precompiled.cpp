// No header is included: sequent::precompiled does so.
static_assert(sequent::attention<sequent::tokens<2>, sequent::width<4>>::parameter_count > 0);
