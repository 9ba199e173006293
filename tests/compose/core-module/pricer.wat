(module (func (export "price")))
