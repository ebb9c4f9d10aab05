"""A shop of django-oscar: 50,000 products, 60,000 orders."""

NODE = dict(depth='1', numchild='0', ancestors_are_public='true', is_public='true')


def rows(filler):
    fill = filler.fill
    fill('auth.user', 20000, is_active='true', email="'user' || i || '@example.org'", is_superuser='false', is_staff='false')
    fill('address.country', 200, iso_3166_1_a2="chr(65 + i / 26) || chr(65 + i % 26)", iso_3166_1_a3="lpad(i::text, 3, 'A')", iso_3166_1_numeric="i::text", is_shipping_country='true')
    fill('partner.partner', 20)
    fill('catalogue.productclass', 5)
    fill('catalogue.category', 20, path="lpad(i::text, 4, '0')", **NODE)
    fill('catalogue.category', 400, path="lpad((1 + i % 20)::text, 4, '0') || lpad(i::text, 4, '0')", **(NODE | {'depth': '2'}))
    fill('catalogue.product', 50000, structure="'standalone'", parent='null', is_public='r < 0.98', upc="'upc' || i", title="'product ' || floor(r * 9000) || ' ' || left(md5(i::text), 6)")
    fill('catalogue.productcategory', 60000)
    fill('catalogue.productattribute', 30, type="'text'", option_group='null')
    fill('catalogue.productattributevalue', 100000, value_text="'value ' || floor(r * 300)")
    fill('catalogue.productimage', 30000)
    fill('catalogue.productrecommendation', 30000)
    fill('partner.stockrecord', 50000, product_id='(select min(id) from catalogue_product) + i - 1', partner_sku="'sku' || i", num_in_stock='floor(r * 100)::int')
    fill('reviews.productreview', 40000, status='(array[1, 1, 1, 0, 2])[1 + floor(r * 5)::int]')
    fill('basket.basket', 40000, status="(array['Submitted', 'Submitted', 'Open', 'Merged'])[1 + floor(r * 4)::int]")
    fill('basket.line', 80000, line_reference="'r' || i", quantity='1')
    fill('order.shippingaddress', 60000)
    fill('order.billingaddress', 60000)
    fill('order.order', 60000, number="(100000 + i)::text", status="(array['Complete', 'Complete', 'Complete', 'Complete', 'Being processed', 'Pending', 'Cancelled'])[1 + floor(r * 7)::int]", site='1')
    fill('order.line', 150000, status="(array['Complete', 'Complete', 'Pending'])[1 + floor(r * 3)::int]", quantity='1 + floor(r * 3)::int')
    fill('order.orderstatuschange', 60000)
    fill('payment.sourcetype', 3)
    fill('payment.source', 60000)
    fill('analytics.productrecord', 50000, product_id='(select min(id) from catalogue_product) + i - 1')
    fill('analytics.userrecord', 20000, user_id='(select min(id) from auth_user) + i - 1')
    fill('analytics.userproductview', 200000)
    fill('analytics.usersearch', 50000)
    fill('communication.notification', 50000)
    fill('communication.email', 30000)
    fill('address.useraddress', 30000, hash="md5(i::text)")
    fill('voucher.voucher', 2000, code="'CODE' || i")
    fill('voucher.voucherapplication', 10000)
    fill('wishlists.wishlist', 5000)
    fill('wishlists.line', 20000)


def requests(pick):
    yield '/catalogue/'
    for page in (2, 40, 1500):
        yield f'/catalogue/?page={page}'
    for _ in range(10):
        yield f'/catalogue/x_{pick("catalogue.product")}/'
        yield f'/catalogue/category/x_{pick("catalogue.category")}/'
        yield f'/catalogue/x_{pick("catalogue.product")}/reviews/'
        yield f'/dashboard/orders/{100000 + pick("order.order") % 60000}/'
        yield f'/dashboard/users/{pick("auth.user")}/'
        yield f'/dashboard/catalogue/products/{pick("catalogue.product")}/'
        yield f'/dashboard/partners/{pick("partner.partner")}/'
    for word in ('word12', 'product 77', 'zzz'):
        yield f'/search/?q={word}'
        yield f'/dashboard/catalogue/?title={word}'
        yield f'/dashboard/orders/?name={word}'
        yield f'/dashboard/orders/?product_title={word}'
        yield f'/dashboard/users/?email=user12&name={word}'
        yield f'/dashboard/reviews/?keyword={word}'
    yield '/dashboard/catalogue/?upc=upc1200'
    yield '/dashboard/orders/?order_number=100200'
    yield '/dashboard/orders/?status=Pending'
    yield '/dashboard/orders/?upc=upc1200'
    yield '/dashboard/orders/?voucher=CODE12'
    yield '/dashboard/orders/?date_from=2026-01-01&date_to=2026-02-01'
    yield '/dashboard/orders/?payment_method=word1'
    for report in ('conditional-offer-performance', 'open_baskets', 'submitted_baskets', 'order_report', 'product_analytics', 'user_analytics', 'vouchers'):
        yield f'/dashboard/reports/?report_type={report}&date_from=2026-01-01&date_to=2026-03-01'
